import { createDeliveries, type DeliveryStore, enqueueMatching } from "./deliveries.ts";
import { deliveryRows } from "./delivery_rows.ts";
import { createEvents, type Events, eventRows } from "./events.ts";
import type { Lock } from "./lock.ts";
import { openFile } from "./open.ts";
import { createSessions, type Sessions, sessionRows } from "./sessions.ts";
import { createWebhooks, type Webhooks, webhookRows } from "./webhooks.ts";
import { createWriter } from "./writer.ts";

export { lockDatabase, OpenError } from "./open.ts";

/** Everything that is kept. Functions return promises; a write's promise resolves after its commit. */
export interface Store {
  /** Eight hex digits made once for a database; part of every webhook-id. */
  id: string;
  events: Events;
  sessions: Sessions;
  webhooks: Webhooks;
  deliveries: DeliveryStore;
  /** The copy made before an older database was changed; null when nothing had to be. */
  backup: string | null;
  /** Commits what is under way, folds the write-ahead log into the file and frees the lock. */
  close(): Promise<void>;
}

/**
 * Opens the database that `lock` holds for this one process; throws OpenError with a one-line reason, the file left as it
 * was. `now` is the wall clock; `steady` reads like it but never jumps, and tells when deliveries are due and too old.
 */
export function openStore(path: string, lock: Lock, now: () => number, steady: () => number = now): Store {
  const { db, backup } = openFile(path, now, lock);
  const timestamp = () => new Date(now()).toISOString();
  const writer = createWriter(db);
  const webhooks = webhookRows(db);
  const deliveries = deliveryRows(db);
  const events = eventRows(db, (event) => enqueueMatching(webhooks, deliveries, event, steady()));
  const sessions = sessionRows(db);
  return {
    id: String(db.prepare("SELECT value FROM bus WHERE key = 'id'").get()?.value),
    events: createEvents(events, sessions, writer, timestamp),
    sessions: createSessions(sessions, events, writer, timestamp),
    webhooks: createWebhooks(webhooks, writer, timestamp),
    deliveries: createDeliveries({ rows: deliveries, webhooks, events, writer, now, steady }),
    backup,
    async close() {
      await writer.drain();
      db.exec("PRAGMA wal_checkpoint(TRUNCATE)");
      db.close();
      lock.release();
    },
  };
}
