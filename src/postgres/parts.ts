import type { Connection, Named, Result, Statement } from "./connection.ts";
import { meaningOf } from "./faults.ts";
import type { Writer } from "./writer.ts";

/** The parts that every table works with. */
export interface Parts {
  pool: Connection;
  writer: Pick<Writer, "write">;
  /** Wall clock (ms), for times that are shown. */
  now(): number;
  /** Never jumps (ms), for times that are compared. */
  steady(): number;
}

/** A table. Methods that take a connection are for use inside a unit. */
export abstract class Table<P extends Parts = Parts> {
  protected readonly parts: P;

  constructor(parts: P) {
    this.parts = parts;
  }

  /** Reads what was committed. @throws BusError when the database cannot be read. */
  protected async reading<T>(read: (connection: Connection) => Promise<T>): Promise<T> {
    try {
      return await read(this.parts.pool);
    } catch (error) {
      throw meaningOf(error);
    }
  }

  /** The rows of one read. */
  protected rows(statement: Statement, params?: Named): Promise<Result> {
    return this.reading((connection) => connection.run(statement, params));
  }

  /** The time, as RFC 3339. */
  protected at(): string {
    return timestampOf(this.parts);
  }
}

export function timestampOf({ now }: Parts): string {
  return new Date(now()).toISOString();
}
