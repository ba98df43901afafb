import type { Webhook } from "../bus/webhook.ts";
import type { Database, Row } from "../runtime/runtime.ts";
import type { Writer } from "./writer.ts";

export interface Webhooks {
  /** Null when `most` are registered already. */
  register(
    webhook: Pick<Webhook, "url" | "channel" | "event_types" | "secret">,
    most: number,
  ): Promise<Webhook | null>;
  list(): Promise<Webhook[]>;
  /** False when there is no such webhook. */
  setActive(webhookId: number, active: boolean): Promise<boolean>;
  /** False when there is no such webhook. */
  unregister(webhookId: number): Promise<boolean>;
}

export function createWebhooks(db: Database, writer: Writer, timestamp: () => string): Webhooks {
  const insert =
    db.prepare(`INSERT INTO webhooks (url, channel_filter, event_types, secret, created_at, active)
    VALUES ($url, $channel, $eventTypes, $secret, $createdAt, 1)`);
  const select = db.prepare(
    "SELECT id, url, channel_filter, event_types, secret, created_at, active FROM webhooks ORDER BY id",
  );
  const count = db.prepare("SELECT count(*) AS count FROM webhooks");
  const setActive = db.prepare("UPDATE webhooks SET active = $active WHERE id = $id");
  const remove = db.prepare("DELETE FROM webhooks WHERE id = $id");
  // Asked for at every event; only this process writes the table.
  let known: Webhook[] | null = null;
  const change = <T>(unit: () => T): Promise<T> =>
    writer.write(unit).finally(() => {
      known = null;
    });

  return {
    register: (webhook, most) =>
      change(() => {
        if (Number(count.get()?.count) >= most) return null;
        const created_at = timestamp();
        const { lastInsertRowid } = insert.run({
          url: webhook.url,
          channel: webhook.channel,
          eventTypes: webhook.event_types?.join(",") ?? null,
          secret: webhook.secret,
          createdAt: created_at,
        });
        return { ...webhook, webhook_id: lastInsertRowid, created_at, active: true };
      }),
    async list() {
      known ??= select.all().map(webhookOfRow);
      return known;
    },
    setActive: (id, active) => change(() => setActive.run({ id, active: active ? 1 : 0 }).changes > 0),
    unregister: (id) => change(() => remove.run({ id }).changes > 0),
  };
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
    active: row.active === 1,
    created_at: String(row.created_at),
  };
}
