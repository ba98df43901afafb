import type { ActiveWebhooks, NewWebhook, Webhooks } from "../domain/outbox.ts";
import type { Webhook } from "../domain/webhook.ts";
import type { Row } from "../runtime/runtime.ts";
import { type Parts, Table } from "./parts.ts";
import { wireTime, wireTimeOrNull } from "./time.ts";

const SQL = {
  list: `SELECT id AS webhook_id, url, NULLIF(channel_filter, '') AS channel, NULLIF(event_types, '') AS event_types,
      NULLIF(secret, '') AS secret, NULLIF(secret_old, '') AS secret_old, secret_old_until, active, ordered, local,
      created_at, paused_reason, last_success, last_failure, last_error, failing_since
    FROM webhooks ORDER BY id`,
  insert: `INSERT INTO webhooks (url, channel_filter, event_types, secret, ordered, local, created_at)
    VALUES ($url, $channel, $eventTypes, $secret, $ordered, $local, $createdAt)`,
  // Enabling starts the time anew after which the bus gives up.
  setActive: `UPDATE webhooks SET active = $active, paused_reason = $reason,
    failing_since = iif($active, NULL, failing_since) WHERE id = $id`,
  rotate:
    "UPDATE webhooks SET secret_old = secret, secret_old_until = $until, secret = $secret WHERE id = $id",
  succeeded: "UPDATE webhooks SET last_success = $at, failing_since = NULL WHERE id = $id",
  failed: `UPDATE webhooks
    SET last_failure = $at, last_error = $error, failing_since = COALESCE(failing_since, $steady) WHERE id = $id`,
  remove: "DELETE FROM webhooks WHERE id = $id",
};

/** Webhooks. Read from memory: only this process writes the table. */
export class WebhookTable extends Table<keyof typeof SQL> implements Webhooks {
  #known: readonly Webhook[] | undefined;
  #active: readonly Webhook[] = [];
  #revision = 0;

  constructor(parts: Parts) {
    super(parts, SQL);
  }

  /** Changes with the active webhooks. */
  get revision(): number {
    return this.#revision;
  }

  list(): Promise<readonly Webhook[]> {
    return this.writer.read(() => this.all());
  }

  active(): Promise<ActiveWebhooks> {
    return this.writer.read(() => {
      this.all();
      return { webhooks: this.#active, revision: this.#revision };
    });
  }

  get(webhookId: number): Promise<Webhook | undefined> {
    return this.writer.read(() => this.find(webhookId));
  }

  register(webhook: NewWebhook, most: number): Promise<Webhook | null> {
    const { url, channel, event_types, secret, ordered, local } = webhook;
    return this.writer.write(() => {
      if (this.all().length >= most) return null;
      const { lastInsertRowid } = this.sql.insert.run({
        ...{ url, channel, secret, createdAt: this.at() },
        eventTypes: event_types?.join(",") ?? null,
        ordered: ordered ? 1 : 0,
        local: local ? 1 : 0,
      });
      this.#changed();
      return this.find(lastInsertRowid) ?? null;
    });
  }

  setActive(webhookId: number, active: boolean): Promise<boolean> {
    return this.#change(webhookId, () => this.turn(webhookId, active));
  }

  rotate(id: number, secret: string, until: number): Promise<boolean> {
    return this.#change(id, () => this.sql.rotate.run({ id, secret, until }));
  }

  unregister(id: number): Promise<boolean> {
    return this.#change(id, () => this.sql.remove.run({ id }));
  }

  all(): readonly Webhook[] {
    if (this.#known === undefined) {
      this.#known = this.sql.list.all().map(webhookOfRow);
      this.#active = this.#known.filter(({ active }) => active);
    }
    return this.#known;
  }

  find(webhookId: number): Webhook | undefined {
    return this.all().find(({ webhook_id }) => webhook_id === webhookId);
  }

  /** Enables or pauses a webhook. `reason`: why the bus gives up on it. */
  turn(id: number, active: boolean, reason: string | null = null): void {
    this.sql.setActive.run({ id, active: active ? 1 : 0, reason });
    this.#changed();
  }

  succeeded(id: number): void {
    this.sql.succeeded.run({ id, at: this.at() });
    this.forget();
  }

  failed(id: number, error: string): void {
    this.sql.failed.run({ id, at: this.at(), steady: this.parts.steady(), error });
    this.forget();
  }

  /** Forgets what is in memory. After a write, and after a transaction that was undone. */
  forget(): void {
    this.#known = undefined;
  }

  #change(webhookId: number, unit: () => void): Promise<boolean> {
    return this.writer.write(() => {
      if (this.find(webhookId) === undefined) return false;
      unit();
      this.#changed();
      return true;
    });
  }

  #changed(): void {
    this.#revision++;
    this.forget();
  }
}

function webhookOfRow(row: Row): Webhook {
  const changed = {
    event_types: row.event_types === null ? null : String(row.event_types).split(","),
    active: row.active === 1,
    ordered: row.ordered === 1,
    local: row.local === 1,
    created_at: wireTime(row.created_at),
    last_success: wireTimeOrNull(row.last_success),
    last_failure: wireTimeOrNull(row.last_failure),
  };
  return { ...row, ...changed } as unknown as Webhook;
}
