import type { ActiveWebhooks, NewWebhook, Webhooks } from "../domain/outbox.ts";
import type { Webhook } from "../domain/webhook.ts";
import { type Connection, statements } from "./connection.ts";
import { Table } from "./parts.ts";
import type { Transaction } from "./transaction.ts";

const SELECT = `SELECT id AS webhook_id, url, channel_filter AS channel, event_types, secret, secret_old, secret_old_until,
    active, ordered, local, created_at, paused_reason, last_success, last_failure, last_error, failing_since FROM webhooks`;

const SQL = statements({
  list: `${SELECT} ORDER BY id`,
  active: `SELECT listed.*, revision FROM sequencer LEFT JOIN (${SELECT} WHERE active) AS listed ON true ORDER BY webhook_id`,
  get: `${SELECT} WHERE id = $id`,
  count: "SELECT count(*) AS count FROM webhooks",
  insert: `INSERT INTO webhooks (url, channel_filter, event_types, secret, ordered, local, created_at)
    VALUES ($url, $channel, $eventTypes, $secret, $ordered, $local, $createdAt) RETURNING id`,
  // Enabling starts the time anew after which the bus gives up.
  setActive: `UPDATE webhooks SET active = $active, paused_reason = $reason,
    failing_since = CASE WHEN $active THEN NULL ELSE failing_since END WHERE id = $id`,
  rotate:
    "UPDATE webhooks SET secret_old = secret, secret_old_until = $until, secret = $secret WHERE id = $id",
  succeeded: "UPDATE webhooks SET last_success = $at, failing_since = NULL WHERE id = $id",
  failed: `UPDATE webhooks
    SET last_failure = $at, last_error = $error, failing_since = coalesce(failing_since, $steady) WHERE id = $id`,
  remove: "DELETE FROM webhooks WHERE id = $id",
});

/** Webhooks. */
export class WebhookTable extends Table implements Webhooks {
  /** Read from memory: an append of what was decided from older ones is refused. */
  #active: Promise<ActiveWebhooks> | undefined;

  list(): Promise<readonly Webhook[]> {
    return this.reading((connection) => this.all(connection));
  }

  active(): Promise<ActiveWebhooks> {
    this.#active ??= this.#readActive().catch((error) => {
      this.forget();
      throw error;
    });
    return this.#active;
  }

  get(webhookId: number): Promise<Webhook | undefined> {
    return this.reading((connection) => this.find(connection, webhookId));
  }

  register(webhook: NewWebhook, most: number): Promise<Webhook | null> {
    const { url, channel, event_types: eventTypes, secret, ordered, local } = webhook;
    return this.parts.writer.write(async (transaction) => {
      if (Number((await transaction.run(SQL.count))[0]?.count) >= most) return null;
      const params = { url, channel, eventTypes, secret, ordered, local, createdAt: this.at() };
      const [made] = await transaction.run(SQL.insert, params);
      this.#change(transaction);
      return (await this.find(transaction, Number(made?.id))) ?? null;
    });
  }

  setActive(webhookId: number, active: boolean): Promise<boolean> {
    return this.parts.writer.write((transaction) => this.turn(transaction, webhookId, active));
  }

  rotate(id: number, secret: string, until: number): Promise<boolean> {
    return this.parts.writer.write(async (transaction) => {
      this.#change(transaction);
      return (await transaction.run(SQL.rotate, { id, secret, until })).count > 0;
    });
  }

  unregister(id: number): Promise<boolean> {
    return this.parts.writer.write(async (transaction) => {
      this.#change(transaction);
      return (await transaction.run(SQL.remove, { id })).count > 0;
    });
  }

  /** Forgets what is in memory. After a commit that changed a webhook, and when another bus has changed one. */
  forget(): void {
    this.#active = undefined;
  }

  async all(connection: Connection): Promise<Webhook[]> {
    return (await connection.run(SQL.list)) as unknown as Webhook[];
  }

  async find(connection: Connection, id: number): Promise<Webhook | undefined> {
    return (await connection.run(SQL.get, { id }))[0] as unknown as Webhook | undefined;
  }

  /** Enables or pauses a webhook. `reason`: why the bus gives up on it. False if there is no such webhook. */
  async turn(
    transaction: Transaction,
    id: number,
    active: boolean,
    reason: string | null = null,
  ): Promise<boolean> {
    this.#change(transaction);
    return (await transaction.run(SQL.setActive, { id, active, reason })).count > 0;
  }

  async succeeded(transaction: Transaction, id: number): Promise<void> {
    await transaction.run(SQL.succeeded, { id, at: this.at() });
  }

  async failed(transaction: Transaction, id: number, error: string): Promise<void> {
    await transaction.run(SQL.failed, { id, at: this.at(), steady: this.parts.steady(), error });
  }

  #change(transaction: Transaction): void {
    transaction.revision++;
    transaction.changesWebhooks = true;
  }

  async #readActive(): Promise<ActiveWebhooks> {
    const rows = await this.rows(SQL.active);
    const webhooks = rows
      .filter(({ webhook_id }) => webhook_id !== null)
      .map(({ revision: _, ...row }) => row);
    return { webhooks: webhooks as unknown as Webhook[], revision: Number(rows[0]?.revision) };
  }
}
