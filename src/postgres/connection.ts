import pg from "pg";
import { isFull, isLost, lost, troubleOf } from "./faults.ts";
import { keptIn, shown } from "./text.ts";

// The driver notes on stderr what its next release changes. Users cannot act on that.
process.noDeprecation = true;

export type Row = Record<string, unknown>;
export type Named = Readonly<Record<string, unknown>>;

/** A statement, with its parameters in the order of their numbers. */
export interface Statement {
  text: string;
  names: readonly string[];
}

/** Rows, and the number of rows that the statement changed or returned. */
export interface Result extends Array<Row> {
  count: number;
}

/** Runs statements: on any free connection, or inside a transaction. */
export interface Connection {
  run(statement: Statement, params?: Named): Promise<Result>;
}

export interface Pool extends Connection {
  /** Runs `work` in one transaction, and undoes it if `work` fails. */
  transaction<T>(work: (connection: Connection) => Promise<T>): Promise<T>;
  /** Makes every connection anew when it is needed next. */
  renew(): void;
  close(): Promise<void>;
}

const MOST_CONNECTIONS = 8;
const CONNECT_MS = 10_000;
/** A server that does not answer at all is given up after this time. */
const ANSWER_MS = 20_000;

/** How long it takes at least until a connection that is in use is looked for again (ms). */
const AGAIN_MS = 20;
/** A server with no connection left refused a further one. One of those that there are is soon free. */
const MOST_TRIES = 100;

/** Settings of each connection (ms). A bus that hangs in a transaction must not hold up the others. */
const SETTINGS =
  "-c TimeZone=UTC -c statement_timeout=15000 -c lock_timeout=10000 -c idle_in_transaction_session_timeout=5000";

/** Ids of the types whose values are read otherwise than as text. */
const PARSERS: Readonly<Record<number, (text: string) => unknown>> = {
  20: Number,
  1184: timeOf,
};

const types: pg.CustomTypesConfig = {
  getTypeParser: (id: number, format?: "text" | "binary") =>
    PARSERS[id] ?? pg.types.getTypeParser(id, format as "text"),
};

/** How each connection to the database of a `postgres://` URL is made. */
export function clientConfig(url: string): pg.ClientConfig {
  return {
    ...{ connectionString: url, types, options: SETTINGS, application_name: "agent-event-bus" },
    ...{ connectionTimeoutMillis: CONNECT_MS, query_timeout: ANSWER_MS, keepAlive: true },
  };
}

/**
 * Connections to the database of a `postgres://` URL. Each is made when it is needed first. A server that takes reads only is
 * left, because the name in the URL may lead to a new primary server by now. `other`: where they differ from those of a bus.
 */
export function connect(url: string, other: pg.ClientConfig = {}): Pool {
  let current = poolOf(url, other);
  const ending = new Set<Promise<void>>();
  const renew = () => {
    const end = endOf(current).finally(() => ending.delete(end));
    ending.add(end);
    current = poolOf(url, other);
  };
  const within = async <T>(work: (pool: pg.Pool) => Promise<T>, tries = 1): Promise<T> => {
    const pool = current;
    try {
      return await work(pool);
    } catch (error) {
      if (pool === current && troubleOf(error) === "storage_readonly") renew();
      if (!isFull(error) || pool.totalCount === 0 || tries === MOST_TRIES) throw error;
    }
    await aMoment();
    return within(work, tries + 1);
  };
  return {
    run: (statement, params) => within((pool) => on(pool).run(statement, params)),
    transaction: (work) => within((pool) => transactionOn(pool, work)),
    renew,
    async close() {
      await Promise.all([current.end(), ...ending]);
    },
  };
}

function poolOf(url: string, other: pg.ClientConfig): pg.Pool {
  const pool = new pg.Pool({ ...clientConfig(url), max: MOST_CONNECTIONS, ...other });
  const ignore = () => {};
  // The statement that runs at that moment, or the next one, fails and tells of it.
  pool.on("error", ignore);
  pool.on("connect", (client) => client.on("error", ignore));
  return pool;
}

/** Ends a pool once nobody waits for a connection of it: from then on it gives none. */
async function endOf(pool: pg.Pool): Promise<void> {
  while (pool.waitingCount > 0) await aMoment();
  await pool.end();
}

const aMoment = () => new Promise((resolve) => setTimeout(resolve, AGAIN_MS));

async function transactionOn<T>(pool: pg.Pool, work: (connection: Connection) => Promise<T>): Promise<T> {
  const client = await pool.connect().catch((error) => {
    throw lost(error);
  });
  try {
    const { run } = on(client);
    await run(BEGIN);
    const result = await work({ run });
    await run(COMMIT);
    client.release();
    return result;
  } catch (error) {
    if (isLost(error)) client.release(true);
    else
      await client.query(ROLLBACK.text).then(
        () => client.release(),
        () => client.release(true),
      );
    throw error;
  }
}

function on(client: pg.Pool | pg.PoolClient): Connection {
  return {
    async run({ text, names }, params = {}) {
      const values = names.map((name) => keptIn(params[name]));
      try {
        const { rows, rowCount } = await client.query({ text, name: nameOf(text), values });
        for (const row of rows) for (const name in row) row[name] = shown(row[name]);
        return Object.defineProperty(rows, "count", { value: rowCount ?? 0 }) as Result;
      } catch (error) {
        throw lost(error);
      }
    },
  };
}

const prepared = new Map<string, string>();

/** The name under which a connection keeps the plan of a statement. */
function nameOf(text: string): string {
  const name = prepared.get(text) ?? `s${prepared.size}`;
  prepared.set(text, name);
  return name;
}

/** A time of the database in UTC, `2026-03-01 12:00:00.5+00`, as RFC 3339 with milliseconds. */
function timeOf(text: string): string {
  return new Date(text.replace(" ", "T").replace(/\+00$/, "Z")).toISOString();
}

/** Reads `$name` as the parameter of that name. `$name::type` casts it. */
export function statements<Name extends string>(
  texts: Readonly<Record<Name, string>>,
): Readonly<Record<Name, Statement>> {
  const entries = Object.entries<string>(texts).map(([name, text]) => [name, statement(text)]);
  return Object.fromEntries(entries) as Record<Name, Statement>;
}

export function statement(text: string): Statement {
  const names: string[] = [];
  const numbered = text.replace(/\$([a-zA-Z_]+)/g, (_, name: string) => {
    if (!names.includes(name)) names.push(name);
    return `$${names.indexOf(name) + 1}`;
  });
  return { text: numbered, names };
}

const BEGIN = statement("BEGIN");
const COMMIT = statement("COMMIT");
const ROLLBACK = statement("ROLLBACK");
