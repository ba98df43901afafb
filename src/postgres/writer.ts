import type { Event } from "../domain/event.ts";
import { announcementOf, CHANNEL } from "./announcement.ts";
import { type Connection, type Pool, statements } from "./connection.ts";
import { append, type Row } from "./event_rows.ts";
import { isPassing, meaningOf } from "./faults.ts";
import type { Health } from "./health.ts";
import { type Changes, Transaction } from "./transaction.ts";

const MOST_PER_COMMIT = 2_000;
/** A commit waits for at most this many turns of the event loop: requests of many callers arrive one after the other. */
const MOST_TURNS = 5;
/** Another bus's write was in the way: the transaction runs again at once. */
const MOST_TRIES = 5;

const SQL = statements({
  lock: "SELECT last, revision FROM sequencer FOR UPDATE",
  unlock: `WITH told AS (SELECT pg_notify('${CHANNEL}', $told)) UPDATE sequencer SET last = $last, revision = $revision FROM told`,
});

const NOTHING: Changes = { appended: [], readers: new Set(), needs: new Set(), changesWebhooks: false };

interface Unit {
  run(transaction: Transaction): Promise<unknown>;
  /** All that `run` does if its webhooks are still the active ones. Undefined if it does something else. */
  row?: () => Row;
  resolve(value: never): void;
  reject(error: unknown): void;
}

export interface WriterOptions {
  health: Pick<Health, "failed" | "succeeded">;
  /** At the end of a transaction. The function that it returns is called after the commit, once the units are answered. */
  ending(transaction: Transaction): Promise<() => void>;
  /** After a commit that only appended. */
  appended(changes: Changes): void;
}

interface Committed {
  /** One for each unit. */
  results: readonly unknown[];
  /** Tells of the commit. */
  tell(): void;
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
    return this.#enqueue({ run });
  }

  /** Like `write` for a unit that appends one event and does nothing else, if `row` is not stale. Many take one statement. */
  append(row: () => Row, run: (transaction: Transaction) => Promise<Event | null>): Promise<Event | null> {
    return this.#enqueue({ run, row });
  }

  /** Resolves when everything handed in so far is committed or refused. */
  async drain(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  async #drain(): Promise<void> {
    while (this.#queue.length > 0) {
      await this.#gather();
      const batch = this.#queue.slice(0, MOST_PER_COMMIT);
      this.#queue = this.#queue.slice(MOST_PER_COMMIT);
      await this.#commitTogether(batch);
    }
    this.#running = undefined;
  }

  /** Waits for the writes of this turn of the event loop, and of the next ones as long as each brings more. */
  async #gather(): Promise<void> {
    for (let turns = 0, before = 0; turns < MOST_TURNS && this.#queue.length > before; turns++) {
      before = this.#queue.length;
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  #enqueue<T>(unit: Pick<Unit, "run" | "row">): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#queue.push({ ...unit, resolve, reject });
      this.#running ??= this.#drain();
    });
  }

  async #commitTogether(batch: readonly Unit[]): Promise<void> {
    try {
      const { results, tell } = await this.#committed(batch);
      this.#options.health.succeeded();
      for (const [i, unit] of batch.entries()) unit.resolve(results[i] as never);
      tell();
    } catch (error) {
      // A database that takes no writes refuses each of them.
      const meaning = meaningOf(error);
      if (batch.length > 1 && meaning === error) for (const one of batch) await this.#commitTogether([one]);
      else for (const one of batch) one.reject(meaning);
      this.#options.health.failed(error);
    }
  }

  async #committed(batch: readonly Unit[]): Promise<Committed> {
    for (let tries = 1; ; tries++)
      try {
        const appended = await this.#appended(batch);
        return appended ?? (await this.#pool.transaction((connection) => this.#once(connection, batch)));
      } catch (error) {
        if (!isPassing(error) || tries === MOST_TRIES) throw error;
      }
  }

  /** Commits in one statement. Undefined, and nothing was done, if the units need more than that. */
  async #appended(batch: readonly Unit[]): Promise<Committed | undefined> {
    const rows = batch.flatMap(({ row }) => row?.() ?? []);
    if (rows.length < batch.length) return undefined;
    const changes = {
      ...NOTHING,
      appended: (await append(this.#pool, rows, announcementOf(this.id, NOTHING))) ?? [],
    };
    if (changes.appended.length === 0) return undefined;
    const results = changes.appended.map(({ event }) => event);
    return { results, tell: () => this.#options.appended(changes) };
  }

  async #once(connection: Connection, batch: readonly Unit[]): Promise<Committed> {
    const [row] = await connection.run(SQL.lock);
    const begun = new Transaction(connection, Number(row?.last), Number(row?.revision));
    const results: unknown[] = [];
    for (const unit of batch) results.push(await unit.run(begun));
    await begun.flush();
    const tell = await this.#options.ending(begun);
    const { last, revision } = begun;
    await connection.run(SQL.unlock, { last, revision, told: announcementOf(this.id, begun) });
    return { results, tell };
  }
}
