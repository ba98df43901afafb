import { announcementOf, CHANNEL } from "./announcement.ts";
import { type Connection, type Pool, statements } from "./connection.ts";
import { isPassing, meaningOf } from "./faults.ts";
import type { Health } from "./health.ts";
import { Transaction } from "./transaction.ts";

const MOST_PER_COMMIT = 2_000;
/** Another bus's write was in the way: the transaction runs again at once. */
const MOST_TRIES = 5;

const SQL = statements({
  lock: "SELECT last, revision FROM sequencer FOR UPDATE",
  unlock: `WITH told AS (SELECT pg_notify('${CHANNEL}', $told)) UPDATE sequencer SET last = $last, revision = $revision FROM told`,
});

interface Unit {
  run(transaction: Transaction): Promise<unknown>;
  resolve(value: never): void;
  reject(error: unknown): void;
}

export interface WriterOptions {
  health: Pick<Health, "failed" | "succeeded">;
  /** At the end of a transaction. The function that it returns is called after the commit, once the units are answered. */
  ending(transaction: Transaction): Promise<() => void>;
}

/**
 * The one writer of this process. All buses of a database write one after the other: each transaction first takes the lock
 * of the sequencer. So ids are dense, their order is the order of commits, and what a unit read stays true until its commit.
 */
export class Writer {
  /** Stands for this process in announcements and leases. */
  readonly id = crypto.randomUUID();
  readonly #pool: Pool;
  readonly #options: WriterOptions;
  #queue: Unit[] = [];
  #running: Promise<void> | undefined;

  constructor(pool: Pool, options: WriterOptions) {
    this.#pool = pool;
    this.#options = options;
  }

  /**
   * Runs a unit in the transaction that the waiting writes share. Resolves after its commit. A unit must be repeatable: if a
   * neighbour fails, it runs again alone.
   */
  write<T>(run: (transaction: Transaction) => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#queue.push({ run, resolve, reject });
      this.#running ??= this.#drain();
    });
  }

  /** Resolves when everything handed in so far is committed or refused. */
  async drain(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  async #drain(): Promise<void> {
    // The writes of this turn of the event loop join.
    await new Promise((resolve) => setImmediate(resolve));
    while (this.#queue.length > 0) {
      const batch = this.#queue.slice(0, MOST_PER_COMMIT);
      this.#queue = this.#queue.slice(MOST_PER_COMMIT);
      await this.#commitTogether(batch);
    }
    this.#running = undefined;
  }

  async #commitTogether(batch: readonly Unit[]): Promise<void> {
    let results: unknown[] = [];
    try {
      const committed = await this.#transaction(async (begun) => {
        results = [];
        for (const unit of batch) results.push(await unit.run(begun));
      });
      this.#options.health.succeeded();
      for (const [i, unit] of batch.entries()) unit.resolve(results[i] as never);
      committed();
    } catch (error) {
      // A database that takes no writes refuses each of them.
      const meaning = meaningOf(error);
      if (batch.length > 1 && meaning === error) for (const one of batch) await this.#commitTogether([one]);
      else for (const one of batch) one.reject(meaning);
      this.#options.health.failed(error);
    }
  }

  async #transaction(work: (begun: Transaction) => Promise<void>): Promise<() => void> {
    for (let tries = 1; ; tries++)
      try {
        return await this.#pool.transaction((connection) => this.#once(connection, work));
      } catch (error) {
        if (!isPassing(error) || tries === MOST_TRIES) throw error;
      }
  }

  async #once(connection: Connection, work: (begun: Transaction) => Promise<void>): Promise<() => void> {
    const [row] = await connection.run(SQL.lock);
    const begun = new Transaction(connection, Number(row?.last), Number(row?.revision));
    await work(begun);
    await begun.flush();
    const committed = await this.#options.ending(begun);
    const { last, revision } = begun;
    await connection.run(SQL.unlock, { last, revision, told: announcementOf(this.id, begun) });
    return committed;
  }
}
