import { OpenError } from "../domain/context.ts";
import type { Contents, Kind, Receiver, Row, Table } from "../domain/moving.ts";
import { TABLES } from "../domain/moving.ts";
import { counted } from "../lib/escape.ts";
import { type Place, withPool } from "./admin.ts";
import { type Connection, statement } from "./connection.ts";
import { lockSchema, NEWEST, upgrade } from "./schema.ts";

/** A large database takes its time. Only a lock of another process ends a move. */
const PATIENT = {
  ...{ application_name: "agent-event-bus migrate", query_timeout: 24 * 60 * 60 * 1000 },
  options:
    "-c TimeZone=UTC -c statement_timeout=0 -c lock_timeout=10000 -c idle_in_transaction_session_timeout=0",
};

/** Rows of this size together (bytes) are fetched at once. */
const ENOUGH = 4 * 1024 * 1024;
const MOST_ROWS = 1_000;

/** The type by which a value of each kind is given. */
const TYPES: Readonly<Record<Kind, string>> = {
  ...{ text: "text", blank: "text", list: "text", number: "float8", cursor: "float8" },
  ...{ flag: "boolean", time: "timestamptz" },
};

const BUSES = statement("SELECT host || ':' || port AS bus FROM buses WHERE until > now() ORDER BY 1");
const CONNECTIONS = statement(
  "SELECT count(*) AS count FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'agent-event-bus'",
);
const IS_THERE = statement("SELECT to_regclass('schema_version') IS NOT NULL AS is_there");
const VERSION = statement("SELECT coalesce(max(version), 0) AS version FROM schema_version");

/** Lets `use` read a database, which nobody writes to meanwhile. @throws OpenError when it cannot be moved. */
export function readServer<T>(place: Place, use: (contents: Contents) => Promise<T>): Promise<T> {
  const read = async (connection: Connection) => {
    const run = (text: string) => connection.run(statement(text));
    // The locks come before the moment that is read.
    await run("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY");
    await run(`LOCK TABLE sequencer, ${TABLES.map(({ name }) => name).join(", ")} IN SHARE MODE`);
    await lockSchema(connection);
    await expectStopped(connection, place);
    return use(contentsOf(connection));
  };
  return withPool(
    place,
    async (pool) => {
      await expectCurrent(pool, place);
      await expectStopped(pool, place);
      return pool.transaction(read);
    },
    PATIENT,
  );
}

/**
 * Fills an empty database in one transaction: until its end there is nothing. No bus can start on it meanwhile. `busId`: the
 * one whose data comes. @throws OpenError when the database cannot be filled.
 */
export function fillServer<T>(
  place: Place,
  busId: string,
  fill: (receiver: Receiver) => Promise<T>,
): Promise<T> {
  const work = async (connection: Connection) => {
    await lockSchema(connection);
    const [found] = await connection.run(IS_THERE);
    if (found?.is_there === true) await expectStopped(connection, place);
    await upgrade(connection);
    await expectEmpty(connection, place, busId);
    await connection.run(statement("DELETE FROM bus"));
    return fill(receiverOn(connection));
  };
  return withPool(place, (pool) => pool.transaction(work), PATIENT);
}

async function expectCurrent(connection: Connection, { shown }: Place): Promise<void> {
  const [found] = await connection.run(IS_THERE);
  if (found?.is_there !== true) throw new OpenError(`The database ${shown} holds no data of a bus.`);
  const version = Number((await connection.run(VERSION))[0]?.version);
  if (version > NEWEST)
    throw new OpenError(
      `The database ${shown} has schema version ${version}, and this release knows ${NEWEST}. Update agent-event-bus.`,
    );
  if (version < NEWEST)
    throw new OpenError(
      `The database ${shown} is of an earlier release (schema version ${version}). Start and stop a bus of this release on it, then run this again.`,
    );
}

/** @throws OpenError while a bus has the database open. Its connections tell, also of one that hangs. */
async function expectStopped(connection: Connection, { shown }: Place): Promise<void> {
  const buses = (await connection.run(BUSES)).map(({ bus }) => String(bus));
  const count = Number((await connection.run(CONNECTIONS))[0]?.count);
  if (buses.length + count === 0) return;
  const which = buses.length === 0 ? counted(count, "connection") : buses.join(", ");
  throw new OpenError(
    `Buses have ${shown} open (${which}), and a move needs them stopped. On the machine of each, first: agent-event-bus stop`,
  );
}

async function expectEmpty(connection: Connection, { shown }: Place, busId: string): Promise<void> {
  const tables = TABLES.filter(({ name }) => name !== "bus");
  const counts = tables.map(({ name }) => `(SELECT count(*) FROM ${name}) AS ${name}`).join(", ");
  const [row] = await connection.run(
    statement(`SELECT ${counts}, (SELECT value FROM bus WHERE key = 'id') AS id`),
  );
  const held = tables.filter(({ name }) => Number(row?.[name]) > 0);
  if (held.length === 0) return;
  const what = held.map(({ name }) => `${row?.[name]} ${name}`).join(", ");
  throw new OpenError(
    row?.id === busId
      ? `The database ${shown} holds the data of this bus already (${what}). To use it, put it into settings.env. To move again, first make it empty: dropdb, createdb.`
      : `The database ${shown} holds the data of another bus (${what}). Give an empty one: createdb.`,
  );
}

function contentsOf(connection: Connection): Contents {
  const number = async (sql: string) =>
    Number(Object.values((await connection.run(statement(sql)))[0] ?? {})[0] ?? 0);
  return {
    size: ({ name, where = "true" }) => number(`SELECT count(*) FROM ${name} WHERE ${where}`),
    rows: (table) => rowsOf(connection, table),
    lastNumber: ({ name, numbered }) =>
      name === "events"
        ? number("SELECT last FROM sequencer")
        : number(`SELECT greatest((SELECT max(${numbered}) FROM ${name}),
            pg_sequence_last_value(pg_get_serial_sequence('${name}', '${numbered}')::regclass))`),
  };
}

async function* rowsOf(connection: Connection, table: Table): AsyncGenerator<readonly Row[]> {
  const { name, columns, order, where = "true" } = table;
  const names = Object.keys(columns);
  const selected = Object.entries(columns).map(([column, kind]) =>
    kind === "list" ? `array_to_string(${column}, ',') AS ${column}` : column,
  );
  const run = (text: string) => connection.run(statement(text));
  await run(
    `DECLARE moved_${name} NO SCROLL CURSOR FOR SELECT ${selected.join(", ")} FROM ${name} WHERE ${where} ORDER BY ${order}`,
  );
  const most = Math.floor(ENOUGH / Math.max(1, await largestOf(connection, table)));
  const count = Math.min(MOST_ROWS, Math.max(1, most));
  for (;;) {
    const rows = await run(`FETCH ${count} FROM moved_${name}`);
    if (rows.length === 0) break;
    yield rows.map((row) => names.map((column) => row[column] as Row[number]));
  }
  await run(`CLOSE moved_${name}`);
}

/** The size of the texts in the largest row (bytes). */
async function largestOf(connection: Connection, { name, columns }: Table): Promise<number> {
  const texts = Object.keys(columns).filter((column) => columns[column] === "text");
  const size = texts.map((column) => `coalesce(octet_length(${column}), 0)`).join(" + ");
  const [row] = await connection.run(statement(`SELECT max(${size || "0"}) AS largest FROM ${name}`));
  return Number(row?.largest ?? 0);
}

function receiverOn(connection: Connection): Receiver {
  const run = (text: string, params?: Record<string, unknown>) => connection.run(statement(text), params);
  return {
    ...contentsOf(connection),
    async add(table, rows) {
      const names = Object.keys(table.columns);
      const params = Object.fromEntries(names.map((name, i) => [name, rows.map((row) => row[i])]));
      await run(insertOf(table), params).catch((error) => {
        throw meaningOf(error, table, rows);
      });
    },
    async goOnAfter({ name, numbered }, last) {
      if (name === "events") await run("UPDATE sequencer SET last = $last", { last });
      // Null for a column without a sequence, which does nothing.
      else
        await run(
          `SELECT setval(pg_get_serial_sequence('${name}', '${numbered}')::regclass, greatest(1, $last::bigint), $last::bigint > 0)`,
          { last },
        );
    },
    async complete() {
      // `check` would report ids that a file never gave out as lost.
      await run(
        "INSERT INTO bus (key, value) SELECT 'gaps', (last - (SELECT count(*) FROM events))::text FROM sequencer",
      );
      await run(`ANALYZE ${TABLES.map(({ name }) => name).join(", ")}`);
    },
  };
}

function insertOf({ name, columns }: Table): string {
  const names = Object.keys(columns);
  const given = Object.entries(columns).map(([column, kind]) => `$${column}::${TYPES[kind]}[]`);
  const selected = Object.entries(columns).map(([column, kind]) =>
    kind === "list" ? `string_to_array(${column}, ',')` : column,
  );
  return `INSERT INTO ${name} (${names.join(", ")}) SELECT ${selected.join(", ")}
    FROM unnest(${given.join(", ")}) AS given (${names.join(", ")})`;
}

/** A text that is too long for an index of PostgreSQL. */
const TOO_LONG = "54000";

function meaningOf(error: unknown, { name, columns }: Table, rows: readonly Row[]): unknown {
  if ((error as { code?: unknown }).code !== TOO_LONG) return error;
  const [first, last] = [rows[0]?.[0], rows.at(-1)?.[0]];
  return new OpenError(
    `PostgreSQL cannot index a text of over 2,700 bytes in ${name}, between ${Object.keys(columns)[0]} ${first} and ${last} (${(error as Error).message}).`,
  );
}
