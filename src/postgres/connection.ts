import postgres from "postgres";
import { keptIn, shown } from "./text.ts";

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

/** Ids of the types whose values are read otherwise than as text. */
const TIMESTAMPTZ = 1184;
const BIGINT = 20;

export interface Pool extends Connection {
  /** Runs `work` in one transaction, and undoes it if `work` fails. */
  transaction<T>(work: (connection: Connection) => Promise<T>): Promise<T>;
  /**
   * Calls `onNotify` with each notification of a channel, and with nothing whenever the connection that listens was made
   * anew, because some may be lost.
   */
  listen(channel: string, onNotify: (told?: string) => void): Promise<void>;
  close(): Promise<void>;
}

const MOST_CONNECTIONS = 8;
const CONNECT_SECONDS = 10;
const CLOSE_SECONDS = 5;

/** Connections to the database of a `postgres://` URL. Each is made when it is needed first. */
export function connect(url: string): Pool {
  const sql = postgres(url, {
    max: MOST_CONNECTIONS,
    connect_timeout: CONNECT_SECONDS,
    onnotice: () => {},
    connection: { application_name: "agent-event-bus", TimeZone: "UTC" },
    types: {
      bigint: { to: BIGINT, from: [BIGINT], parse: Number, serialize: String },
      time: { to: TIMESTAMPTZ, from: [TIMESTAMPTZ], parse: timeOf, serialize: String },
    },
  });
  const on = (client: Client): Connection => ({
    run: async ({ text, names }, params = {}) => {
      const values = names.map((name) => keptIn(params[name]));
      const result = await client.unsafe(text, values as never[], { prepare: true });
      for (const row of result) for (const name in row) row[name] = shown(row[name]);
      return result as unknown as Result;
    },
  });
  return {
    ...on(sql),
    transaction: async <T>(work: (connection: Connection) => Promise<T>) =>
      (await sql.begin((client) => work(on(client)))) as T,
    listen: async (channel, onNotify) => {
      let isAgain = false;
      await sql.listen(channel, onNotify, () => {
        if (isAgain) onNotify();
        isAgain = true;
      });
    },
    close: () => sql.end({ timeout: CLOSE_SECONDS }),
  };
}

type Client = Pick<postgres.Sql, "unsafe">;

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
