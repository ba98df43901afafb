import type { ActiveWebhooks, NewWebhook, Webhooks } from "../domain/outbox.ts";
import type { Webhook } from "../domain/webhook.ts";
import type { Row, Statement } from "../runtime/runtime.ts";
import { type Parts, timestampOf } from "./parts.ts";
import { prepared } from "./statements.ts";
import { storedTime, wireTime, wireTimeOrNull } from "./time.ts";

const SQL = {
  list: `SELECT id, url, channel_filter, event_types, secret, secret_old, secret_old_until, active, ordered, local,
    created_at, paused_reason, last_success, last_failure, last_error, failing_since FROM webhooks ORDER BY id`,
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

/** Webhooks. Read from memory: only this process writes the table. Methods that return no promise are for use inside a unit. */
export class WebhookTable implements Webhooks {
  readonly #parts: Parts;
  readonly #sql: Record<keyof typeof SQL, Statement>;
  #known: readonly Webhook[] | undefined;
  #active: readonly Webhook[] = [];
  #revision = 0;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#sql = prepared(parts.db, SQL);
  }

  /** Changes with the active webhooks. */
  get revision(): number {
    return this.#revision;
  }

  list(): Promise<readonly Webhook[]> {
    return this.#parts.writer.read(() => this.all());
  }

  active(): Promise<ActiveWebhooks> {
    return this.#parts.writer.read(() => {
      this.all();
      return { webhooks: this.#active, revision: this.#revision };
    });
  }

  get(webhookId: number): Promise<Webhook | undefined> {
    return this.#parts.writer.read(() => this.find(webhookId));
  }

  register(webhook: NewWebhook, most: number): Promise<Webhook | null> {
    return this.#parts.writer.write(() => {
      if (this.all().length >= most) return null;
      const { lastInsertRowid } = this.#sql.insert.run({
        url: webhook.url,
        channel: webhook.channel,
        eventTypes: webhook.event_types?.join(",") ?? null,
        secret: webhook.secret,
        ordered: webhook.ordered ? 1 : 0,
        local: webhook.local ? 1 : 0,
        createdAt: storedTime(timestampOf(this.#parts)),
      });
      this.#changed();
      return this.find(lastInsertRowid) ?? null;
    });
  }

  setActive(webhookId: number, active: boolean): Promise<boolean> {
    return this.#change(webhookId, () => this.#setActive(webhookId, active, null));
  }

  rotate(id: number, secret: string, until: number): Promise<boolean> {
    return this.#change(id, () => this.#sql.rotate.run({ id, secret, until }));
  }

  unregister(id: number): Promise<boolean> {
    return this.#change(id, () => this.#sql.remove.run({ id }));
  }

  all(): readonly Webhook[] {
    if (this.#known === undefined) {
      this.#known = this.#sql.list.all().map(webhookOfRow);
      this.#active = this.#known.filter(({ active }) => active);
    }
    return this.#known;
  }

  find(webhookId: number): Webhook | undefined {
    return this.all().find(({ webhook_id }) => webhook_id === webhookId);
  }

  enable(webhookId: number): void {
    this.#setActive(webhookId, true, null);
    this.#changed();
  }

  /** Pauses a webhook that the bus gives up on. */
  pause(webhookId: number, reason: string): void {
    this.#setActive(webhookId, false, reason);
    this.#changed();
  }

  succeeded(id: number): void {
    this.#sql.succeeded.run({ id, at: storedTime(timestampOf(this.#parts)) });
    this.forget();
  }

  failed(id: number, error: string): void {
    const at = storedTime(timestampOf(this.#parts));
    this.#sql.failed.run({ id, at, steady: this.#parts.steady(), error });
    this.forget();
  }

  /** Forgets what is in memory. After a write, and after a transaction that was undone. */
  forget(): void {
    this.#known = undefined;
  }

  #change(webhookId: number, unit: () => void): Promise<boolean> {
    return this.#parts.writer.write(() => {
      if (this.find(webhookId) === undefined) return false;
      unit();
      this.#changed();
      return true;
    });
  }

  #setActive(id: number, active: boolean, reason: string | null): void {
    this.#sql.setActive.run({ id, active: active ? 1 : 0, reason });
  }

  #changed(): void {
    this.#revision++;
    this.forget();
  }
}

function webhookOfRow(row: Row): Webhook {
  const optional = (column: string) =>
    row[column] === null || row[column] === "" ? null : String(row[column]);
  return {
    webhook_id: Number(row.id),
    url: String(row.url),
    channel: optional("channel_filter"),
    event_types: optional("event_types")?.split(",") ?? null,
    secret: optional("secret"),
    secret_old: optional("secret_old"),
    secret_old_until: Number(row.secret_old_until),
    active: row.active === 1,
    ordered: row.ordered === 1,
    local: row.local === 1,
    created_at: wireTime(row.created_at),
    paused_reason: optional("paused_reason"),
    last_success: wireTimeOrNull(row.last_success),
    last_failure: wireTimeOrNull(row.last_failure),
    last_error: optional("last_error"),
    failing_since: row.failing_since === null ? null : Number(row.failing_since),
  };
}
