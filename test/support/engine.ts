// The engine that the buses of tests use. AEB_TEST_ENGINE=postgres has the same tests run on PostgreSQL.
import { Database } from "bun:sqlite";
import { dirname } from "node:path";
import type { Scope } from "../../src/domain/caller.ts";
import { madeToken } from "../../src/tokens/secret.ts";
import { openTokens } from "../../src/tokens/token_files.ts";
import { freePort } from "./port.ts";
import type { Server } from "./postgres.ts";

/** True unless the tests run on PostgreSQL. */
export const onSqlite = process.env.AEB_TEST_ENGINE !== "postgres";

const postgres = onSqlite ? undefined : await import("./postgres.ts");
let server: Promise<Server> | undefined;
/** The databases on PostgreSQL, by the folders that have the files on SQLite. */
const urls = new Map<string, string>();

/** The setting of a bus: the file itself, or the database on PostgreSQL that stands for it. */
export async function settingOf(db: string): Promise<string> {
  if (postgres === undefined) return db;
  if (postgres.noPostgres !== null) throw new Error(postgres.noPostgres);
  server ??= freePort().then((port) => postgres.startPostgres(port));
  const url = urls.get(dirname(db)) ?? (await (await server).database());
  urls.set(dirname(db), url);
  return url;
}

/** Makes a token of the bus of a database, and returns its secret. Undefined if a valid token has the name. */
export function newToken(
  db: string,
  name: string,
  scope: Scope,
  ms: number | null = null,
): string | undefined {
  const url = urls.get(dirname(db));
  if (postgres === undefined || url === undefined)
    return openTokens(db, Date.now).create(name, scope, ms)?.secret;
  const { token, secret } = madeToken(name, scope, ms, Date.now());
  const { hash, created_at, expires_at } = token;
  const sql = `INSERT INTO tokens (name, scope, hash, created_at, expires_at)
    VALUES (?, ?, ?, ?, ${expires_at === null ? "NULL" : "?"}) ON CONFLICT DO NOTHING RETURNING name`;
  const values = [name, scope, hash, created_at, ...(expires_at === null ? [] : [expires_at])];
  return postgres.selectedBy(url, sql, values).length > 0 ? secret : undefined;
}

/** Revokes a token of the bus of a database. */
export function endToken(db: string, name: string): void {
  const url = urls.get(dirname(db));
  if (postgres === undefined || url === undefined) openTokens(db, Date.now).revoke(name);
  else
    postgres.selectedBy(url, "UPDATE tokens SET revoked_at = ? WHERE name = ? RETURNING name", [
      new Date().toISOString(),
      name,
    ]);
}

/** The rows of a query, read past the bus. `params` stand for `?`. */
export function selected<Row>(db: string, sql: string, ...params: readonly (string | number)[]): Row[] {
  const url = urls.get(dirname(db));
  if (postgres !== undefined && url !== undefined) return postgres.selectedBy(url, sql, params) as Row[];
  const file = new Database(db, { readonly: true });
  try {
    return file.query<Row, (string | number)[]>(sql).all(...params);
  } finally {
    file.close();
  }
}
