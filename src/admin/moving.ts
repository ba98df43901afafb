import { createHash } from "node:crypto";
import { type Contents, type Receiver, type Row, TABLES, type Table } from "../domain/moving.ts";

/** A table that has arrived. */
export interface Moved {
  table: string;
  rows: number;
  /** Of the rows in any order. The same on both sides. */
  checksum: string;
}

/** Progress of a move, for people. */
export interface Progress {
  doing: "moving" | "comparing";
  table: string;
  /** Rows of all tables that were moved, or compared, so far. */
  rows: number;
  of: number;
  rows_per_second: number;
  /** True after the last row of the table. */
  ended: boolean;
}

type Tell = (progress: Progress) => Promise<void>;

/**
 * Copies everything, and compares what arrived with what was read.
 * @throws Error when a table arrived otherwise than it was.
 */
export async function moveAll(source: Contents, target: Receiver, tell: Tell): Promise<Moved[]> {
  let of = 0;
  for (const table of TABLES) of += await source.size(table);
  const moving = counter("moving", of, tell);
  const sums = new Map<string, Checksum>();
  for (const table of TABLES) {
    const sum = new Checksum();
    sums.set(table.name, sum);
    for await (const rows of source.rows(table)) {
      sum.add(rows);
      await target.add(table, rows);
      await moving.count(table, rows.length);
    }
    if (table.numbered !== undefined) await target.goOnAfter(table, await source.lastNumber(table));
    await moving.ended(table);
  }
  await target.complete();
  return compare(target, sums, counter("comparing", of, tell));
}

async function compare(
  target: Contents,
  sums: ReadonlyMap<string, Checksum>,
  comparing: Counter,
): Promise<Moved[]> {
  const moved: Moved[] = [];
  for (const table of TABLES) {
    const sum = new Checksum();
    for await (const rows of target.rows(table)) {
      sum.add(rows);
      await comparing.count(table, rows.length);
    }
    const read = sums.get(table.name);
    if (read?.rows !== sum.rows || read.text !== sum.text)
      throw new Error(
        `${table.name} did not arrive as it was: ${read?.rows} rows were read, and ${sum.rows} arrived.`,
      );
    await comparing.ended(table);
    moved.push({ table: table.name, rows: sum.rows, checksum: sum.text });
  }
  return moved;
}

/** The id of the bus whose data it is. */
export async function busIdOf(contents: Contents): Promise<string> {
  const values = TABLES.filter(({ name }) => name === "bus");
  for (const table of values)
    for await (const rows of contents.rows(table))
      for (const [key, value] of rows) if (key === "id") return String(value);
  return "";
}

/** A sum of rows that does not depend on their order. */
class Checksum {
  rows = 0;
  readonly #sum = new Uint32Array(8);

  add(rows: readonly Row[]): void {
    for (const row of rows) {
      this.rows++;
      const digest = createHash("sha256").update(JSON.stringify(row)).digest();
      for (const [i, part] of this.#sum.entries()) this.#sum[i] = part + digest.readUInt32LE(4 * i);
    }
  }

  get text(): string {
    return [...this.#sum].map((part) => part.toString(16).padStart(8, "0")).join("");
  }
}

interface Counter {
  count(table: Table, rows: number): Promise<void>;
  ended(table: Table): Promise<void>;
}

const EACH_MS = 100;

/** Tells of progress at the end of each table, and in between as often as a user can see. */
function counter(doing: Progress["doing"], of: number, tell: Tell): Counter {
  const began = performance.now();
  let toldAt = began;
  let rows = 0;
  const say = ({ name: table }: Table, ended: boolean) => {
    toldAt = performance.now();
    const seconds = Math.max(0.001, (toldAt - began) / 1000);
    return tell({ doing, table, rows, of, rows_per_second: Math.round(rows / seconds), ended });
  };
  return {
    async count(table, more) {
      rows += more;
      if (performance.now() - toldAt >= EACH_MS) await say(table, false);
    },
    ended: (table) => say(table, true),
  };
}
