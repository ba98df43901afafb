import type { Event } from "../domain/event.ts";
import type { Connection, Named, Result, Statement } from "./connection.ts";
import { type Appended, appended, insert, type Row } from "./event_rows.ts";

/** Told after a commit: events, recipients whose messages were seen, and needs that were opened or changed. */
export interface Changes {
  readonly appended: readonly Appended[];
  readonly readers: ReadonlySet<string>;
  readonly needs: ReadonlySet<number>;
  /** True if the active webhooks are not those of before. */
  readonly changesWebhooks: boolean;
}

/** One transaction, which holds the lock of the sequencer from its begin on. */
export class Transaction implements Connection, Changes {
  readonly #connection: Connection;
  /** Appended, and not yet sent to the database. */
  #waiting: Row[] = [];
  /** The id of the newest event, and the number that changes with the active webhooks. */
  last: number;
  revision: number;
  readonly appended: Appended[] = [];
  readonly readers = new Set<string>();
  readonly needs = new Set<number>();
  changesWebhooks = false;

  constructor(connection: Connection, last: number, revision: number) {
    this.#connection = connection;
    this.last = last;
    this.revision = revision;
  }

  /** Runs a statement after everything that was appended before it. */
  async run(statement: Statement, params?: Named): Promise<Result> {
    await this.flush();
    return this.#connection.run(statement, params);
  }

  /** Appends an event. Many of a transaction reach the database together. */
  append(row: Row): Event {
    const one = appended(++this.last, row);
    this.#waiting.push(row);
    this.appended.push(one);
    return one.event;
  }

  async flush(): Promise<void> {
    const waiting = this.#waiting;
    this.#waiting = [];
    if (waiting.length > 0) await insert(this.#connection, this.last - waiting.length, waiting);
  }
}
