import { BusError } from "../bus/bus.ts";
import type { Database } from "../runtime/runtime.ts";
import { sqliteCode } from "../runtime/runtime.ts";

const BUSY = 5;
const FULL = 13;
const IOERR = 10;
const RETRY_MS = 100;
const GIVE_UP_MS = 10_000;
const MOST_PER_COMMIT = 2_000;

interface Unit {
  run: () => unknown;
  resolve: (value: never) => void;
  reject: (error: unknown) => void;
  since: number;
}

export interface Writer {
  /**
   * Runs `unit` inside the transaction that all writes of this event-loop turn share, and resolves with its result
   * after the commit. A unit must be repeatable: when a neighbour fails, it runs once more in a transaction of its own.
   * Rejects with BusError `storage_busy` when another process holds the database for 10 s, `storage_full` when the
   * disk takes nothing more.
   */
  write<T>(unit: () => T): Promise<T>;
  /** Resolves when everything handed in so far is committed or refused. */
  drain(): Promise<void>;
}

export function createWriter(db: Database): Writer {
  const begin = db.prepare("BEGIN IMMEDIATE");
  const commit = db.prepare("COMMIT");
  const rollback = db.prepare("ROLLBACK");
  let queue: Unit[] = [];
  let scheduled = false;

  function schedule(delay?: number): void {
    if (scheduled) return;
    scheduled = true;
    if (delay === undefined) setImmediate(flush);
    else setTimeout(flush, delay);
  }

  function flush(): void {
    scheduled = false;
    const batch = queue.slice(0, MOST_PER_COMMIT);
    queue = queue.slice(MOST_PER_COMMIT);
    commitTogether(batch);
    if (queue.length > 0) schedule();
  }

  function commitTogether(batch: readonly Unit[]): void {
    try {
      begin.run();
    } catch (error) {
      if (sqliteCode(error) === BUSY) waitForLock(batch);
      else for (const unit of batch) unit.reject(explain(error));
      return;
    }
    let results: unknown[];
    try {
      results = batch.map((unit) => unit.run());
      commit.run();
    } catch (error) {
      undo();
      if (batch.length === 1) batch[0]?.reject(explain(error));
      else for (const unit of batch) commitTogether([unit]);
      return;
    }
    batch.forEach((unit, i) => {
      unit.resolve(results[i] as never);
    });
  }

  // A failed COMMIT may have ended the transaction already.
  function undo(): void {
    try {
      rollback.run();
    } catch {}
  }

  function waitForLock(batch: readonly Unit[]): void {
    const now = performance.now();
    const patient = batch.filter((unit) => now - unit.since < GIVE_UP_MS);
    for (const unit of batch) {
      if (!patient.includes(unit)) unit.reject(busy());
    }
    queue = patient.concat(queue);
    if (queue.length > 0) schedule(RETRY_MS);
  }

  return {
    write(run) {
      return new Promise((resolve, reject) => {
        queue.push({ run, resolve, reject, since: performance.now() });
        schedule();
      });
    },
    async drain() {
      while (queue.length > 0 || scheduled) await new Promise((resolve) => setTimeout(resolve, 1));
    },
  };
}

function busy(): BusError {
  return new BusError(
    "storage_busy",
    "The database has been locked by another process for 10 s. Nothing was stored; try again.",
  );
}

function explain(error: unknown): unknown {
  const code = sqliteCode(error);
  if (code === BUSY) return busy();
  if (code !== FULL && code !== IOERR) return error;
  return new BusError(
    "storage_full",
    `The database could not be written (${(error as Error).message}). Nothing was stored; free some disk space and try again.`,
  );
}
