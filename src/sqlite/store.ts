import { recipientOf } from "../domain/direct_message.ts";
import { type Database, openDatabase } from "../runtime/runtime.ts";
import { rescue } from "./backup.ts";
import { claimRows } from "./claims.ts";
import { createDeliveries, type DeliveryStore, enqueueMatching } from "./deliveries.ts";
import { deliveryRows } from "./delivery_rows.ts";
import { createMail, type MailStore, mailRows } from "./direct_messages.ts";
import { createEvents, type Events, eventRows } from "./events.ts";
import { type Trouble, troubleOf } from "./faults.ts";
import { watchFiles } from "./file_watch.ts";
import { createWriter } from "./group_commit.ts";
import type { Lock } from "./lock.ts";
import { openFile } from "./open.ts";
import { createSessions, type Sessions, sessionRows } from "./sessions.ts";
import { createWebhooks, type Webhooks, webhookRows } from "./webhooks.ts";

export { lockDatabase, OpenError } from "./open.ts";

/** Everything that is kept. Functions return promises; a write's promise resolves after its commit. */
export interface Store {
  /** Eight hex digits made once for a database; part of every webhook-id. */
  id: string;
  events: Events;
  sessions: Sessions;
  mail: MailStore;
  webhooks: Webhooks;
  deliveries: DeliveryStore;
  /** The copy made before an older database was changed; null when nothing had to be. */
  backup: string | null;
  /** Why the database takes no writes; null when it does. */
  trouble(): Trouble | null;
  /** Lets no write wait for a lock longer than `ms` from here on. */
  limitPatience(ms: number): void;
  /**
   * Commits what is under way, folds the write-ahead log into the file and frees the lock. Resolves with a sentence when the
   * file was gone, about the copy that was written in its place; otherwise with null.
   */
  close(): Promise<string | null>;
}

export interface StoreOptions {
  /** Wall clock, ms. */
  now(): number;
  /** Reads like `now` but never jumps: tells when deliveries are due and too old. */
  steady?(): number;
  /** Told when the database stops taking writes, and with null when it takes them again. */
  onTrouble?(trouble: Trouble | null): void;
}

/**
 * Opens the database that `lock` holds for this one process; throws OpenError with a one-line reason, the file left as it
 * was.
 */
export function openStore(path: string, lock: Lock, options: StoreOptions): Store {
  const { now, steady = now } = options;
  const { db, backup } = openFile(path, now, lock);
  const watch = watchFiles(path, db, lock);
  const timestamp = () => new Date(now()).toISOString();
  const probe = db.prepare("INSERT OR REPLACE INTO bus (key, value) VALUES ('probe', hex(randomblob(8192)))");
  const writer = createWriter(db, {
    path,
    probe: () => probe.run(),
    now,
    look: watch.look,
    onTrouble: options.onTrouble,
    onUndone: () => events.undone(),
    onCommitted: () => events.committed(),
  });
  const webhooks = webhookRows(db);
  const deliveries = deliveryRows(db);
  const mail = mailRows(db);
  const events = eventRows(db, (event) => {
    enqueueMatching(webhooks, deliveries, event, steady());
    const recipient = recipientOf(event.channel);
    if (recipient !== null && recipient !== event.session_id) mail.post(recipient, event.id);
  });
  const sessions = sessionRows(db);
  return {
    id: String(db.prepare("SELECT value FROM bus WHERE key = 'id'").get()?.value),
    events: createEvents({ rows: events, sessions, mail, writer, timestamp }),
    sessions: createSessions({ rows: sessions, events, claims: claimRows(db), mail, writer, timestamp }),
    mail: createMail(mail, writer, timestamp),
    webhooks: createWebhooks(webhooks, events, writer, timestamp),
    deliveries: createDeliveries({ rows: deliveries, webhooks, events, writer, now, steady }),
    backup,
    trouble: writer.trouble,
    limitPatience: writer.limitPatience,
    async close() {
      await writer.drain();
      const displaced = watch.look();
      const damaged = writer.trouble()?.problem === "storage_corrupt";
      const told = displaced?.onlyHere ? rescued(db, path, now()) : null;
      // Closing removes what is named like the log of writes: another database's, when that has taken the place of this one.
      const foldable = displaced === null || (displaced.foldable && db.keepLog());
      if (damaged || !foldable) keepUnfolded(db, path);
      else {
        foldIn(db);
        db.close();
        watch.end();
      }
      lock.release();
      return told;
    },
  };
}

// On a full disk the log of writes stays beside the database; the next start folds it in.
function foldIn(db: Database): void {
  try {
    db.exec("PRAGMA wal_checkpoint(TRUNCATE)");
  } catch (error) {
    if (troubleOf(error) === null) throw error;
  }
}

// Folding the log of writes into a damaged file would change it, and a runtime that exits folds it in unasked. It cannot
// while a transaction is open, nor while a connection is left that may not write.
function keepUnfolded(db: Database, path: string): void {
  leaveOpen(db);
  try {
    leaveOpen(openDatabase(path, { readonly: true }));
  } catch {
    // Nothing stands at the path.
  }
}

function leaveOpen(connection: Database): void {
  try {
    connection.exec("BEGIN");
    connection.prepare("SELECT count(*) FROM sqlite_schema").get();
  } catch {
    // Nothing can be read, so nothing can be folded in.
  }
}

function rescued(db: Database, path: string, now: number): string {
  try {
    return `all that the bus held was written to ${rescue(db, path, now)}: put it in the place of ${path} and start the bus again`;
  } catch (error) {
    return `what the bus held could not be written beside ${path}: ${(error as Error).message}`;
  }
}
