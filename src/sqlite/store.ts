import type { Store, Trouble } from "../domain/store.ts";
import { Appender, tablesOf } from "./append.ts";
import { closeFile } from "./close.ts";
import { FileWatch } from "./file_watch.ts";
import { GroupCommit } from "./group_commit.ts";
import type { Lock } from "./lock.ts";
import { openFile } from "./open.ts";

export { lockDatabase, OpenError } from "./open.ts";

export interface StoreOptions {
  /** Wall clock (ms). */
  now(): number;
  /** Reads like `now` but never jumps: tells when deliveries are due and too old. */
  steady?(): number;
  /** Told when the database stops taking writes, and with null when it takes them again. */
  onTrouble?(trouble: Trouble | null): void;
}

/**
 * Opens the database that `lock` holds for this one process.
 * @throws OpenError with a one-line reason when it cannot be used. The file is left as it was.
 */
export function openStore(path: string, lock: Lock, { now, steady = now, onTrouble }: StoreOptions): Store {
  const { db, backup } = openFile(path, now, lock);
  const watch = new FileWatch(path, db, lock);
  const probe = db.prepare("INSERT OR REPLACE INTO bus (key, value) VALUES ('probe', hex(randomblob(8192)))");
  const writer = new GroupCommit(db, {
    path,
    probe: () => probe.run(),
    now,
    look: () => watch.look(),
    onTrouble,
    onUndone: () => appender.undone(),
    onCommitted: () => appender.committed(),
  });
  const parts = { db, writer, now, steady };
  const tables = tablesOf(parts);
  const appender = new Appender(parts, tables);
  return {
    id: String(db.prepare("SELECT value FROM bus WHERE key = 'id'").get()?.value),
    ...tables,
    append: (draft) => appender.append(draft),
    register: (decide) => appender.register(decide),
    listen: (onEvent) => appender.listen(onEvent),
    backup,
    trouble: () => writer.trouble(),
    limitPatience: (ms) => writer.limitPatience(ms),
    async close() {
      await writer.drain();
      const isDamaged = writer.trouble()?.problem === "storage_corrupt";
      const told = closeFile({ path, db, watch, isDamaged, now });
      lock.release();
      return told;
    },
  };
}
