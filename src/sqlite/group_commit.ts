import { BusError } from "../domain/context.ts";
import type { StorageProblem, Trouble } from "../domain/store.ts";
import { attempt } from "../lib/attempt.ts";
import { type Database, sqliteCode } from "../runtime/runtime.ts";
import { BUSY, sentenceOf, troubleOf } from "./faults.ts";
import type { Displaced } from "./file_watch.ts";
import { prepared } from "./statements.ts";

const RETRY_MS = 100;
const GIVE_UP_MS = 10_000;
const BUSY_AFTER_MS = 1_000;
const LOOK_MS = 1_000;
const MOST_PER_COMMIT = 2_000;
/** A commit waits for at most this many turns of the event loop: requests of many callers arrive one after the other. */
const MORE_TURNS = 4;
const LAST_PATIENCE_MS = 1_000;

interface Unit {
  run(): unknown;
  resolve(value: never): void;
  reject(error: unknown): void;
  since: number;
  patienceMs: number;
  /** Its failure is told to its caller alone. */
  quiet: boolean;
}

export interface WriterOptions {
  /** The database's path, for messages. */
  path: string;
  /** A write of an ordinary event's length, tried every second. The database takes writes again once it succeeds. */
  probe(): unknown;
  /** Asked before every commit and every second. The database takes no writes until it returns null. */
  look?(): Displaced | null;
  /** Told when the database stops taking writes, and with null when it takes them again. */
  onTrouble?: ((trouble: Trouble | null) => void) | undefined;
  /** Told after a transaction was undone, before its units run again. */
  onUndone?(): void;
  /** Told after a commit, once its units are answered. */
  onCommitted?(): void;
  now(): number;
}

export type Writer = Pick<GroupCommit, "read" | "write">;

/** Writes of the bus's own that can wait. */
export type BackgroundWriter = Pick<GroupCommit, "writeQuietly" | "calls" | "trouble">;

/** The one writer of a database. */
export class GroupCommit {
  readonly #options: WriterOptions;
  readonly #sql: ReturnType<typeof prepared<"begin" | "commit" | "rollback">>;
  readonly #looking: ReturnType<typeof setInterval>;
  #queue: Unit[] = [];
  #scheduled = false;
  #mostPatienceMs = Number.POSITIVE_INFINITY;
  #trouble: Trouble | null = null;
  #displaced = false;
  #calls = 0;

  constructor(db: Database, options: WriterOptions) {
    this.#options = options;
    this.#sql = prepared(db, { begin: "BEGIN IMMEDIATE", commit: "COMMIT", rollback: "ROLLBACK" });
    this.#looking = setInterval(() => this.#lookAgain(), LOOK_MS);
    this.#looking.unref();
  }

  /**
   * Runs a unit in the transaction that all writes of this turn of the event loop share. Resolves after the commit. The
   * next turns join as long as each brings more. A unit must be repeatable: if a neighbour fails, it runs again alone.
   * @throws BusError `storage_busy` when another process holds the database for `patienceMs` (10 s), and another
   * StorageProblem when the database cannot be written.
   */
  write<T>(run: () => T, patienceMs = GIVE_UP_MS): Promise<T> {
    this.#calls++;
    return this.#enqueue(run, patienceMs, false);
  }

  /** Like `write`, but waits for no lock, and a failure says nothing about the database. */
  writeQuietly<T>(run: () => T): Promise<T> {
    return this.#enqueue(run, 0, true);
  }

  /** Number of reads and writes so far. */
  get calls(): number {
    return this.#calls;
  }

  /** Runs a read at once. `goesOn`: a further step of one. @throws BusError when the database cannot be read. */
  read<T>(unit: () => T, goesOn = false): Promise<T> {
    if (!goesOn) this.#calls++;
    try {
      return Promise.resolve(unit());
    } catch (error) {
      return Promise.reject(error instanceof BusError ? error : this.#failed(error));
    }
  }

  /** Why the database takes no writes. Null if it does. A probe every second finds out when that is over. */
  trouble(): Trouble | null {
    return this.#trouble;
  }

  /** Limits every wait for a lock to `ms`, also of those that wait already. */
  limitPatience(ms: number): void {
    this.#mostPatienceMs = Math.min(this.#mostPatienceMs, ms);
  }

  /** Resolves when everything handed in so far is committed or refused. Waits for no lock longer than 1 s. */
  async drain(): Promise<void> {
    clearInterval(this.#looking);
    this.limitPatience(LAST_PATIENCE_MS);
    while (this.#queue.length > 0 || this.#scheduled) await new Promise((resolve) => setTimeout(resolve, 1));
  }

  #enqueue<T>(run: () => T, patienceMs: number, quiet: boolean): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#queue.push({ run, resolve, reject, since: performance.now(), patienceMs, quiet });
      this.#schedule();
    });
  }

  #schedule(delay?: number): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    if (delay === undefined) setImmediate(() => this.#gather(1, MORE_TURNS));
    else setTimeout(() => this.#gather(1, MORE_TURNS), delay);
  }

  /** Waits for another turn as long as the one before brought more. A write that comes alone is committed at once. */
  #gather(before: number, turns: number): void {
    const { length } = this.#queue;
    if (length > before && turns > 0) setImmediate(() => this.#gather(length, turns - 1));
    else this.#flush();
  }

  #flush(): void {
    this.#scheduled = false;
    const batch = this.#queue.slice(0, MOST_PER_COMMIT);
    this.#queue = this.#queue.slice(MOST_PER_COMMIT);
    this.#commitTogether(batch);
    if (this.#queue.length > 0) this.#schedule();
  }

  #commitTogether(batch: readonly Unit[]): void {
    this.#look();
    const trouble = this.#trouble;
    if (trouble !== null && (this.#displaced || this.#isCorrupt())) {
      for (const unit of batch) unit.reject(new BusError(trouble.problem, trouble.detail));
      return;
    }
    try {
      this.#sql.begin.run();
    } catch (error) {
      if (sqliteCode(error) === BUSY) this.#waitForLock(batch);
      else for (const unit of batch) unit.reject(this.#failed(error, unit.quiet));
      return;
    }
    let results: unknown[];
    try {
      results = batch.map((unit) => unit.run());
      this.#sql.commit.run();
    } catch (error) {
      // A failed COMMIT may have ended the transaction already.
      attempt(() => this.#sql.rollback.run());
      this.#options.onUndone?.();
      const [unit, ...others] = batch;
      if (others.length === 0) unit?.reject(this.#failed(error, unit.quiet));
      else for (const unit of batch) this.#commitTogether([unit]);
      return;
    }
    if (trouble?.problem === "storage_busy") this.#recovered();
    for (let i = 0; i < batch.length; i++) batch[i]?.resolve(results[i] as never);
    this.#options.onCommitted?.();
  }

  #waitForLock(batch: readonly Unit[]): void {
    const now = performance.now();
    const waited = Math.max(...batch.map((unit) => now - unit.since));
    if (waited >= BUSY_AFTER_MS) this.#enter("storage_busy", sentenceOf("storage_busy", this.#options.path));
    const patienceOf = (unit: Unit) => Math.min(unit.patienceMs, this.#mostPatienceMs);
    const patient = batch.filter((unit) => now - unit.since < patienceOf(unit));
    for (const unit of batch) if (!patient.includes(unit)) unit.reject(busyFor(patienceOf(unit)));
    this.#queue = patient.concat(this.#queue);
    if (this.#queue.length > 0) this.#schedule(RETRY_MS);
  }

  #lookAgain(): void {
    this.#look();
    if (this.#trouble === null || this.#isCorrupt()) return;
    this.write(this.#options.probe, 0).then(
      () => this.#recovered(),
      () => {},
    );
  }

  #look(): void {
    if (this.#isCorrupt()) return;
    const found = this.#options.look?.() ?? null;
    if (found !== null) this.#enter(found.problem, found.detail);
    else if (this.#displaced) this.#recovered();
    this.#displaced = found !== null;
  }

  /** Turns an error into what its caller is told. An error that stops all writes is remembered. */
  #failed(error: unknown, quiet = false): unknown {
    const problem = troubleOf(error);
    if (problem === null || quiet) return error;
    const detail = sentenceOf(problem, this.#options.path, error);
    if (this.#trouble?.problem !== problem) this.#enter(problem, detail);
    return new BusError(problem, detail);
  }

  #enter(problem: StorageProblem, detail: string): void {
    if (this.#trouble?.detail === detail || this.#isCorrupt()) return;
    this.#trouble = { problem, since: this.#options.now(), detail };
    this.#options.onTrouble?.(this.#trouble);
  }

  #recovered(): void {
    if (this.#trouble === null || this.#isCorrupt()) return;
    this.#trouble = null;
    this.#options.onTrouble?.(null);
  }

  // Further writes would make a damaged file worse. Only a restart ends this.
  #isCorrupt(): boolean {
    return this.#trouble?.problem === "storage_corrupt";
  }
}

function busyFor(ms: number): BusError {
  return new BusError(
    "storage_busy",
    `The database has been locked by another process for ${ms / 1000} s. Nothing was stored. Try again.`,
  );
}
