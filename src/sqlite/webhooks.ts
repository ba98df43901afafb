import type { Event, EventDraft } from "../domain/event.ts";
import type { Webhook } from "../domain/webhook.ts";
import type { Database, Row } from "../runtime/runtime.ts";
import type { EventRows } from "./events.ts";
import type { Writer } from "./group_commit.ts";
import { storedTime, wireTime, wireTimeOrNull } from "./time.ts";

export type NewWebhook = Pick<Webhook, "url" | "channel" | "event_types" | "secret" | "ordered" | "local">;

export interface WebhookRows {
  /** From memory: only this process writes the table. */
  all(): readonly Webhook[];
  get(webhookId: number): Webhook | undefined;
  insert(webhook: NewWebhook, createdAt: string): number;
  setActive(webhookId: number, active: boolean, reason: string | null): void;
  rotate(webhookId: number, secret: string, until: number): void;
  succeeded(webhookId: number, at: string): void;
  failed(webhookId: number, at: string, now: number, error: string): void;
  remove(webhookId: number): void;
  /** Forgets what is in memory; after a transaction that may have been undone. */
  forget(): void;
}

const COLUMNS = `id, url, channel_filter, event_types, secret, secret_old, secret_old_until, active, ordered, local,
  created_at, paused_reason, last_success, last_failure, last_error, failing_since`;

/** The SQL of webhooks, for use inside one call or one write unit. */
export function webhookRows(db: Database): WebhookRows {
  const select = db.prepare(`SELECT ${COLUMNS} FROM webhooks ORDER BY id`);
  const insert =
    db.prepare(`INSERT INTO webhooks (url, channel_filter, event_types, secret, ordered, local, created_at)
    VALUES ($url, $channel, $eventTypes, $secret, $ordered, $local, $createdAt)`);
  // Whoever enables it gives its receiver three new days.
  const setActive = db.prepare(`UPDATE webhooks SET active = $active, paused_reason = $reason,
    failing_since = iif($active, NULL, failing_since) WHERE id = $id`);
  const rotate = db.prepare(
    "UPDATE webhooks SET secret_old = secret, secret_old_until = $until, secret = $secret WHERE id = $id",
  );
  const succeeded = db.prepare("UPDATE webhooks SET last_success = $at, failing_since = NULL WHERE id = $id");
  const failed = db.prepare(`UPDATE webhooks
    SET last_failure = $at, last_error = $error, failing_since = COALESCE(failing_since, $now) WHERE id = $id`);
  const remove = db.prepare("DELETE FROM webhooks WHERE id = $id");
  let known: Webhook[] | null = null;
  const changed = <T>(result: T): T => {
    known = null;
    return result;
  };
  const all = () => {
    known ??= select.all().map(webhookOfRow);
    return known;
  };
  return {
    all,
    get: (id) => all().find((webhook) => webhook.webhook_id === id),
    insert: (webhook, createdAt) =>
      changed(
        insert.run({
          url: webhook.url,
          channel: webhook.channel,
          eventTypes: webhook.event_types?.join(",") ?? null,
          secret: webhook.secret,
          ordered: webhook.ordered ? 1 : 0,
          local: webhook.local ? 1 : 0,
          createdAt: storedTime(createdAt),
        }).lastInsertRowid,
      ),
    setActive: (id, active, reason) => void changed(setActive.run({ id, active: active ? 1 : 0, reason })),
    rotate: (id, secret, until) => void changed(rotate.run({ id, secret, until })),
    succeeded: (id, at) => void changed(succeeded.run({ id, at: storedTime(at) })),
    failed: (id, at, now, error) => void changed(failed.run({ id, at: storedTime(at), now, error })),
    remove: (id) => void changed(remove.run({ id })),
    forget: () => changed(undefined),
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

export interface Webhooks {
  list(): Promise<readonly Webhook[]>;
  get(webhookId: number): Promise<Webhook | undefined>;
  /** Null when `most` are registered already. */
  register(webhook: NewWebhook, most: number): Promise<Webhook | null>;
  /** Pausing freezes what is pending. False when there is no such webhook. */
  setActive(webhookId: number, active: boolean): Promise<boolean>;
  /** Pauses an active webhook and appends the event that says so; undefined if it is paused or gone already. */
  switchOff(webhookId: number, reason: string, draft: EventDraft): Promise<Event | undefined>;
  /** From here on `secret` signs, and the old one too until `until` (ms). False when there is no such webhook. */
  rotate(webhookId: number, secret: string, until: number): Promise<boolean>;
  /** False when there is no such webhook. What was pending for it is given up. */
  unregister(webhookId: number): Promise<boolean>;
}

export function createWebhooks(
  rows: WebhookRows,
  events: EventRows,
  writer: Writer,
  timestamp: () => string,
): Webhooks {
  const change = (webhookId: number, unit: () => void): Promise<boolean> =>
    writer
      .write(() => {
        if (rows.get(webhookId) === undefined) return false;
        unit();
        return true;
      })
      .finally(rows.forget);
  return {
    list: () => writer.read(rows.all),
    get: (id) => writer.read(() => rows.get(id)),
    register: (webhook, most) =>
      writer
        .write(() => {
          if (rows.all().length >= most) return null;
          return rows.get(rows.insert(webhook, timestamp())) ?? null;
        })
        .finally(rows.forget),
    setActive: (id, active) => change(id, () => rows.setActive(id, active, null)),
    switchOff: (id, reason, draft) =>
      writer
        .write(() => {
          if (rows.get(id)?.active !== true) return undefined;
          rows.setActive(id, false, reason);
          return events.insert(draft, timestamp());
        })
        .finally(rows.forget),
    rotate: (id, secret, until) => change(id, () => rows.rotate(id, secret, until)),
    unregister: (id) => change(id, () => rows.remove(id)),
  };
}
