// Databases with something in every table, and all that they hold.
import { Database } from "bun:sqlite";
import { readdirSync, readFileSync } from "node:fs";
import { openTokens } from "../../src/tokens/token_files.ts";
import type { Kind } from "./bus.ts";
import { cli } from "./cli.ts";
import { selectedBy } from "./postgres.ts";
import { VERSIONS, writeOwn } from "./schemas.ts";

/** Texts that some database, driver or form of text has lost before. */
export const TEXTS = [
  "",
  "a\0b\0",
  "\u{10FFFF}0 and \u{10FFFF}1",
  "🦖 漢字 e\u0301 \u202e",
  "{\"a\\,b\",NULL,'x'}",
  "\\ \" ' ; -- \r\n\t",
  "NULL",
];

/** Writes a database of this release with rows in every table, gaps in the ids, ids ahead of them, and two tokens. */
export function writeFull(path: string, events = 0): void {
  writeOwn(path, VERSIONS.at(-1) ?? 17);
  const db = new Database(path);
  const insert =
    db.query(`INSERT INTO events (id, event_type, payload, session_id, timestamp, channel, origin)
    VALUES (?, 'odd', ?, 's-a', '2026-01-02T08:00:00.000+00:00', 'all', 'local')`);
  for (const [i, text] of TEXTS.entries()) insert.run(1_000 + 3 * i, text);
  db.run(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${events})
    INSERT INTO events (event_type, payload, session_id, timestamp, channel, correlation_id, origin)
    SELECT 'many', i || hex(randomblob(100)), 's-' || (i % 50), strftime('%Y-%m-%dT%H:%M:%f+00:00', 1767254400 + i, 'unixepoch'),
      'repo:' || (i % 20), iif(i % 3 = 0, 'c-' || i, NULL), 'local' FROM n WHERE i <= ${events}`);
  db.run(`UPDATE sqlite_sequence SET seq = seq + 1000 WHERE name IN ('events', 'deliveries', 'webhooks', 'sources');
    INSERT INTO bus VALUES ('key', 'f00d'), ('muted_until', '17'), ('indexed', '3'), ('probe', 'x');
    UPDATE webhooks SET event_types = 'ci,deploy*' WHERE id = 1;
    DELETE FROM sessions WHERE id = 's-b';`);
  db.run("PRAGMA wal_checkpoint(TRUNCATE)");
  db.close(true);
  const tokens = openTokens(path, () => Date.parse("2026-01-05T08:00:00.000Z"));
  tokens.create("desk", "full", null);
  tokens.create("ci", "publish", 86_400_000);
  tokens.revoke("ci");
}

const OWN = "key NOT IN ('probe', 'indexed', 'gaps')";

/** Every row of every table of a file but its index of texts, and its tokens. */
export function dumpOfFile(path: string): Record<string, unknown> {
  const db = new Database(path, { readonly: true });
  const named = (sql: string) => db.query(sql).all() as { name: string }[];
  const tables = named(
    "SELECT name FROM sqlite_schema WHERE type = 'table' AND rootpage > 0 AND name NOT LIKE 'events_text%' ORDER BY name",
  );
  const dump: Record<string, unknown> = {};
  for (const { name } of tables) {
    const where = name === "bus" ? `WHERE ${OWN}` : "";
    const row = name === "sessions" ? "rowid, *" : "*";
    const order = db
      .query(`SELECT ${row} FROM ${name}`)
      .columnNames.map((_, i) => i + 1)
      .join(", ");
    dump[name] = db.query(`SELECT ${row} FROM ${name} ${where} ORDER BY ${order}`).all();
  }
  db.close(true);
  return { ...dump, tokens: tokensOf(path) };
}

function tokensOf(path: string): unknown {
  return openTokens(path, Date.now)
    .list()
    .map(({ state: _, ...token }) => token);
}

/** What makes a bus again after a loss, or is of an engine alone. */
const ENGINE = ["events_text", "buses", "holds", "lease_owner", "lease_until", "schema_version", "revision"];

/** Every row of every table of a database on PostgreSQL, by PostgreSQL's own client. */
export function dumpOfServer(url: string): Record<string, unknown> {
  const columns = selectedBy(
    url,
    "SELECT table_name AS name, column_name AS column FROM information_schema.columns WHERE table_schema = 'public' ORDER BY 1, 2",
    [],
  ) as { name: string; column: string }[];
  const dump: Record<string, unknown> = {};
  for (const name of new Set(columns.map((one) => one.name))) {
    if (ENGINE.includes(name)) continue;
    const own = columns.filter(
      (one) => one.name === name && (name === "sessions" || !ENGINE.includes(one.column)),
    );
    const where = name === "bus" ? ` WHERE ${OWN}` : "";
    const order = own.map(({ column }) =>
      `${column} COLLATE "C"`.replace(/^.*$/, `${column}::text COLLATE "C"`),
    );
    dump[name] = selectedBy(
      url,
      `SELECT ${own.map(({ column }) => column).join(", ")} FROM ${name}${where} ORDER BY ${order.join(", ")}`,
      [],
    );
  }
  const sequences =
    "SELECT sequencename AS name, last_value FROM pg_sequences WHERE last_value IS NOT NULL ORDER BY 1";
  return { ...dump, sequences: selectedBy(url, sequences, []) };
}

/** The bytes of every file in a folder but locks and the logs of writes that readers make, by name. */
export function bytesIn(folder: string): Record<string, string> {
  const names = readdirSync(folder, { recursive: true, withFileTypes: true });
  const files = names.filter((one) => one.isFile() && !/\.(lock|pid)$|-(shm|wal)$/.test(one.name));
  return Object.fromEntries(
    files.map(({ parentPath, name }) => [name, Bun.hash(readFileSync(`${parentPath}/${name}`)).toString()]),
  );
}

/** Runs `migrate`, with the source in the environment. */
export function migrate(from: string, to: string, kind: Kind = "binary", ...more: string[]) {
  return cli(["migrate", "--to", to, ...more], { kind, env: { AGENT_EVENT_BUS_DB: from } });
}
