import type { Statement } from "../../src/runtime/runtime.ts";
import type { Parts } from "../../src/sqlite/parts.ts";
import { prepared } from "../../src/sqlite/statements.ts";

/** A line that the port does not have. */
export interface Types {
  /** How many events of a type there are. */
  count(type: string): Promise<number>;
  /** Gives every event of a type another one. Resolves with their number after the commit. */
  rename(from: string, to: string): Promise<number>;
}

const SQL = {
  count: "SELECT count(*) AS count FROM events WHERE event_type = $type",
  rename: "UPDATE events SET event_type = $to WHERE event_type = $from",
};

/** Types of events, as a table's file keeps them. */
export class TypeTable implements Types {
  readonly #parts: Pick<Parts, "writer">;
  readonly #sql: Record<keyof typeof SQL, Statement>;

  constructor({ db, writer }: Pick<Parts, "db" | "writer">) {
    this.#parts = { writer };
    this.#sql = prepared(db, SQL);
  }

  async count(type: string): Promise<number> {
    return Number(this.#sql.count.get({ type })?.count);
  }

  rename(from: string, to: string): Promise<number> {
    return this.#parts.writer.write(() => Number(this.#sql.rename.run({ from, to }).changes));
  }
}
