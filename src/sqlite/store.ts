import { dirname } from "node:path";
import { alone } from "../domain/peers.ts";
import type { Store, Trouble } from "../domain/store.ts";
import type { Database } from "../runtime/runtime.ts";
import { Appender, tablesOf } from "./append.ts";
import { closeFile } from "./close.ts";
import { FileWatch } from "./file_watch.ts";
import { GroupCommit } from "./group_commit.ts";
import type { Lock } from "./lock.ts";
import { openFile } from "./open.ts";

export { lockDatabase } from "./open.ts";

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
  const { index, ...tables } = tablesOf(parts, writer, dirname(path));
  const appender = new Appender(parts, { index, ...tables });
  index.start();
  return {
    ...identityOf(db),
    ...tables,
    peers: alone(),
    append: (draft) => appender.append(draft),
    register: (decide) => appender.register(decide),
    listen: (onEvent) => appender.listen(onEvent),
    listenCommits: (onCommit) => appender.listenCommits(onCommit),
    backup,
    trouble: () => writer.trouble(),
    limitPatience: (ms) => writer.limitPatience(ms),
    async close() {
      index.stop();
      await writer.drain();
      const isDamaged = writer.trouble()?.problem === "storage_corrupt";
      const told = closeFile({ path, db, watch, isDamaged, now });
      lock.release();
      return told;
    },
  };
}

/** The values that are made once for a database. */
function identityOf(db: Database): Pick<Store, "id" | "key"> {
  const value = db.prepare("SELECT value FROM bus WHERE key = $key");
  const of = (key: string) => String(value.get({ key })?.value);
  return { id: of("id"), key: Buffer.from(of("key"), "hex") };
}
