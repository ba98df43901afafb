// One of several buses on one database: publishers and readers with cursors, for a time. Prints what each reader has seen.
import { connect, statement } from "../../../src/postgres/connection.ts";
import { publish } from "../engine.ts";
import { openAt } from "../open_at.ts";

const [url = "", way = "", until = ""] = process.argv.slice(2);
const PUBLISHERS = 8;
const READERS = 4;
/** Nothing comes after this time without news (ms). */
const SETTLED_MS = 2_000;
const PAGE = 200;

interface Log {
  append(): Promise<unknown>;
  /** Ids after a cursor, in order. */
  read(after: number): Promise<number[]>;
}

/** The events of a store. */
async function eventsOf(): Promise<Log> {
  const store = await openAt(url, { now: Date.now });
  return {
    append: () => publish(store),
    read: async (after) => {
      const { events } = await store.events.read({ order: "asc", limit: PAGE, after });
      return events.map(({ id }) => id);
    },
  };
}

/** Rows that get their ids from a sequence, as an obvious design would have it. */
async function rowsOfSequence(): Promise<Log> {
  const pool = connect(url);
  const insert = statement("INSERT INTO plain (payload) VALUES ('p')");
  const select = statement(`SELECT id FROM plain WHERE id > $after ORDER BY id LIMIT ${PAGE}`);
  return {
    append: () => pool.run(insert),
    read: async (after) => (await pool.run(select, { after })).map(({ id }) => Number(id)),
  };
}

const log = way === "sequence" ? await rowsOfSequence() : await eventsOf();
const end = Number(until);

async function publishUntilEnd(): Promise<void> {
  while (Date.now() < end) await log.append();
}

async function readUntilSettled(): Promise<number[]> {
  const seen: number[] = [];
  let last = Date.now();
  while (Date.now() < end || Date.now() - last < SETTLED_MS) {
    const ids = await log.read(seen.at(-1) ?? 0);
    seen.push(...ids);
    if (ids.length > 0) last = Date.now();
    else await Bun.sleep(2);
  }
  return seen;
}

const readers = Promise.all(Array.from({ length: READERS }, readUntilSettled));
await Promise.all(Array.from({ length: PUBLISHERS }, publishUntilEnd));
await Bun.write(Bun.stdout, JSON.stringify(await readers));
process.exit(0);
