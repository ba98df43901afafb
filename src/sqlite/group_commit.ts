import { BusError, type StorageProblem } from "../domain/context.ts";
import type { Database } from "../runtime/runtime.ts";
import { sqliteCode } from "../runtime/runtime.ts";
import { BUSY, sentenceOf, type Trouble, troubleOf } from "./faults.ts";
import type { Displaced } from "./file_watch.ts";

const RETRY_MS = 100;
const GIVE_UP_MS = 10_000;
const BUSY_AFTER_MS = 1_000;
const PROBE_MS = 1_000;
const LOOK_MS = 1_000;
const MOST_PER_COMMIT = 2_000;
/** A commit waits for at most so many further turns of the event loop: many callers' requests arrive while the first are handled. */
const MORE_TURNS = 4;
const LAST_PATIENCE_MS = 1_000;

interface Unit {
  run: () => unknown;
  resolve: (value: never) => void;
  reject: (error: unknown) => void;
  since: number;
  patienceMs: number;
}

export interface WriterOptions {
  /** The database's path, for people. */
  path: string;
  /** A write as long as an ordinary event: when it is taken, the database takes writes again. A shorter one may fit on a full disk. */
  probe(): unknown;
  /** Asked before every commit, and every second: what is not null is trouble until it is null again. */
  look?(): Displaced | null;
  /** Told when the database stops taking writes, and with null when it takes them again. */
  onTrouble?: ((trouble: Trouble | null) => void) | undefined;
  /** Told when a transaction was undone, before its units run again. */
  onUndone?(): void;
  /** Told after a commit, once its units are answered. */
  onCommitted?(): void;
  now(): number;
}

export interface Writer {
  /**
   * Runs `unit` inside the transaction that all writes of this turn of the event loop share, and those of the next turns
   * (at most 4) as long as each brings more; resolves with its result after the commit. A unit must be repeatable: when a
   * neighbour fails, it runs once more in a transaction of its own. Rejects with BusError: `storage_busy` when another
   * process holds the database for `patienceMs` (10 s), another StorageProblem when the database cannot be written.
   */
  write<T>(unit: () => T, patienceMs?: number): Promise<T>;
  /** Runs a read at once. Rejects with BusError when the database cannot be read. */
  read<T>(unit: () => T): Promise<T>;
  /** Why the database takes no writes; null when it does. A probe every second finds out when it is over. */
  trouble(): Trouble | null;
  /** Lets no write wait for a lock longer than `ms`, those that wait already included. */
  limitPatience(ms: number): void;
  /** Resolves when everything handed in so far is committed or refused; nothing waits for a lock any longer. */
  drain(): Promise<void>;
}

export function createWriter(db: Database, options: WriterOptions): Writer {
  const begin = db.prepare("BEGIN IMMEDIATE");
  const commit = db.prepare("COMMIT");
  const rollback = db.prepare("ROLLBACK");
  let queue: Unit[] = [];
  let scheduled = false;
  let mostPatienceMs = Number.POSITIVE_INFINITY;
  let trouble: Trouble | null = null;
  let displaced = false;
  let probing: ReturnType<typeof setTimeout> | undefined;
  const looking = setInterval(look, LOOK_MS);
  (looking as { unref?(): void }).unref?.();

  function schedule(delay?: number): void {
    if (scheduled) return;
    scheduled = true;
    if (delay === undefined) setImmediate(gather);
    else setTimeout(gather, delay);
  }

  /** Waits for another turn as long as the one before brought more; what is written alone is committed at once. */
  function gather(before = 1, turns = MORE_TURNS): void {
    if (queue.length > before && turns > 0) setImmediate(gather, queue.length, turns - 1);
    else flush();
  }

  function flush(): void {
    scheduled = false;
    const batch = queue.slice(0, MOST_PER_COMMIT);
    queue = queue.slice(MOST_PER_COMMIT);
    commitTogether(batch);
    if (queue.length > 0) schedule();
  }

  function commitTogether(batch: readonly Unit[]): void {
    look();
    if (trouble !== null && (displaced || isCorrupt())) {
      for (const unit of batch) unit.reject(new BusError(trouble.problem, trouble.detail));
      return;
    }
    try {
      begin.run();
    } catch (error) {
      if (sqliteCode(error) === BUSY) waitForLock(batch);
      else for (const unit of batch) unit.reject(failed(error));
      return;
    }
    let results: unknown[];
    try {
      results = batch.map((unit) => unit.run());
      commit.run();
    } catch (error) {
      undo();
      if (batch.length === 1) batch[0]?.reject(failed(error));
      else for (const unit of batch) commitTogether([unit]);
      return;
    }
    if (trouble?.problem === "storage_busy") recovered();
    batch.forEach((unit, i) => {
      unit.resolve(results[i] as never);
    });
    options.onCommitted?.();
  }

  // A failed COMMIT may have ended the transaction already.
  function undo(): void {
    try {
      rollback.run();
    } catch {}
    options.onUndone?.();
  }

  function waitForLock(batch: readonly Unit[]): void {
    const now = performance.now();
    const waited = Math.max(...batch.map((unit) => now - unit.since));
    if (waited >= BUSY_AFTER_MS) inTrouble("storage_busy");
    const patienceOf = (unit: Unit) => Math.min(unit.patienceMs, mostPatienceMs);
    const patient = batch.filter((unit) => now - unit.since < patienceOf(unit));
    for (const unit of batch) if (!patient.includes(unit)) unit.reject(busyFor(patienceOf(unit)));
    queue = patient.concat(queue);
    if (queue.length > 0) schedule(RETRY_MS);
  }

  function limitPatience(ms: number): void {
    mostPatienceMs = Math.min(mostPatienceMs, ms);
  }

  function look(): void {
    if (isCorrupt()) return;
    const found = options.look?.() ?? null;
    if (found !== null) enter(found.problem, found.detail);
    else if (displaced) recovered();
    displaced = found !== null;
  }

  /** What a caller is told of an error; remembered when it means that the database takes no writes. */
  function failed(error: unknown): unknown {
    const problem = troubleOf(error);
    if (problem === null) return error;
    inTrouble(problem, error);
    return new BusError(problem, sentenceOf(problem, options.path, error));
  }

  function inTrouble(problem: StorageProblem, error?: unknown): void {
    if (trouble?.problem !== problem) enter(problem, sentenceOf(problem, options.path, error));
  }

  function enter(problem: StorageProblem, detail: string): void {
    if (trouble?.detail === detail || isCorrupt()) return;
    trouble = { problem, since: options.now(), detail };
    options.onTrouble?.(trouble);
    if (!isCorrupt()) probeLater();
  }

  function recovered(): void {
    if (trouble === null || isCorrupt()) return;
    trouble = null;
    options.onTrouble?.(null);
  }

  // Whatever still seems to work in a damaged file would make it worse: only a restart ends this.
  function isCorrupt(): boolean {
    return trouble?.problem === "storage_corrupt";
  }

  function probeLater(): void {
    if (probing !== undefined) return;
    probing = setTimeout(() => {
      probing = undefined;
      if (trouble === null) return;
      write(options.probe, 0).then(recovered, () => {
        if (trouble !== null) probeLater();
      });
    }, PROBE_MS);
    (probing as { unref?(): void }).unref?.();
  }

  function write<T>(run: () => T, patienceMs = GIVE_UP_MS): Promise<T> {
    if (trouble !== null && isCorrupt()) return Promise.reject(new BusError(trouble.problem, trouble.detail));
    return new Promise((resolve, reject) => {
      queue.push({ run, resolve, reject, since: performance.now(), patienceMs });
      schedule();
    });
  }

  return {
    write,
    async read(unit) {
      try {
        return unit();
      } catch (error) {
        throw error instanceof BusError ? error : failed(error);
      }
    },
    trouble: () => trouble,
    limitPatience,
    async drain() {
      clearTimeout(probing);
      clearInterval(looking);
      limitPatience(LAST_PATIENCE_MS);
      while (queue.length > 0 || scheduled) await new Promise((resolve) => setTimeout(resolve, 1));
    },
  };
}

function busyFor(ms: number): BusError {
  return new BusError(
    "storage_busy",
    `The database has been locked by another process for ${ms / 1000} s. Nothing was stored; try again.`,
  );
}
