import { Database } from "bun:sqlite";

/** The schema versions of the Python original; 0 is its first release, before events had a channel. */
export type Version = 0 | 1 | 2 | 3 | 4 | 5;

export type Cell = string | number | null;

/** A moment and the fractional digits that the original wrote after its seconds. */
export interface Moment {
  ms: number;
  fraction: "none" | "six";
}

const INDICES = `
  CREATE INDEX idx_events_id ON events(id);
  CREATE INDEX idx_sessions_heartbeat ON sessions(last_heartbeat);
  CREATE INDEX idx_sessions_dedup ON sessions(machine, client_id);`;

function tables(version: Version): string {
  const when = (from: Version, column: string) => (version >= from ? `, ${column}` : "");
  return `
    ${version >= 2 ? "CREATE TABLE schema_version (version INTEGER PRIMARY KEY);" : ""}
    CREATE TABLE sessions (id TEXT PRIMARY KEY${when(2, "display_id TEXT")}, name TEXT NOT NULL,
      machine TEXT NOT NULL, cwd TEXT NOT NULL, repo TEXT NOT NULL, registered_at TIMESTAMP NOT NULL,
      last_heartbeat TIMESTAMP NOT NULL, client_id TEXT${when(3, "last_cursor TEXT")}${when(2, "deleted_at TIMESTAMP")});
    CREATE TABLE events (id INTEGER PRIMARY KEY AUTOINCREMENT, event_type TEXT NOT NULL, payload TEXT NOT NULL,
      session_id TEXT NOT NULL, timestamp TIMESTAMP NOT NULL${when(1, "channel TEXT NOT NULL DEFAULT 'all'")}
      ${when(4, "correlation_id TEXT")}${when(4, "payload_meta TEXT")});
    ${version >= 3 ? WEBHOOKS : ""}
    ${INDICES}
    ${version >= 4 ? "CREATE INDEX idx_events_correlation ON events(correlation_id);" : ""}`;
}

const WEBHOOKS = `CREATE TABLE webhooks (id INTEGER PRIMARY KEY AUTOINCREMENT, url TEXT NOT NULL, channel_filter TEXT,
  event_types TEXT, created_at TIMESTAMP NOT NULL, active INTEGER NOT NULL DEFAULT 1, secret TEXT);`;

/** The wall clock of a place at a moment, as Python's `isoformat()` writes it. */
export function naive(zone: string, { ms, fraction }: Moment): string {
  const seconds = clock(zone).format(ms).replace(" ", "T");
  if (fraction === "none") return seconds;
  return `${seconds}.${String(ms % 1000).padStart(3, "0")}${String((ms * 7) % 1000).padStart(3, "0")}`;
}

const clocks = new Map<string, Intl.DateTimeFormat>();

function clock(timeZone: string): Intl.DateTimeFormat {
  const known = clocks.get(timeZone) ?? new Intl.DateTimeFormat("sv-SE", { ...PARTS, timeZone });
  clocks.set(timeZone, known);
  return known;
}

const PARTS = {
  year: "numeric",
  month: "2-digit",
  day: "2-digit",
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
} as const;

/** The instants whose wall clock reads the same: two in the hour that repeats when summer time ends. */
export function candidates(zone: string, moment: Moment): string[] {
  const text = naive(zone, moment);
  return [0, -3_600_000, 3_600_000]
    .filter((shift) => naive(zone, { ...moment, ms: moment.ms + shift }) === text)
    .map((shift) => new Date(moment.ms + shift).toISOString());
}

/** About two months around each change of the clocks in New York in 2025, densely; then a year, sparsely. */
export function moments(count: number): Moment[] {
  const spring = Date.UTC(2025, 2, 9, 7);
  const autumn = Date.UTC(2025, 10, 2, 6);
  const dense = [spring, autumn].flatMap((change) =>
    Array.from({ length: 72 }, (_, i) => change + (i - 36) * 300_000),
  );
  const sparse = Array.from({ length: count }, (_, i) => Date.UTC(2025, 0, 1) + i * 8_000_017);
  return [...dense, ...sparse].slice(0, count).map((ms, i) => {
    const fraction = i % 5 === 0 ? "none" : "six";
    return { ms: fraction === "none" ? Math.floor(ms / 1000) * 1000 : ms, fraction };
  });
}

export const PAYLOADS = [
  "done",
  "",
  "🦖 émoji 漢字",
  'quote " and \n newline',
  "x".repeat(3000),
  "0012",
  "\u0001",
];
export const TYPES = ["task_completed", "help_needed", "session_registered", "custom"];

/** Writes a database as that version of the original left it in that time zone. */
export function writeOriginal(path: string, version: Version, zone: string, times: readonly Moment[]): void {
  const db = new Database(path, { create: true, strict: true });
  db.run("PRAGMA journal_mode = WAL");
  db.run(tables(version));
  const time = (i: number) => naive(zone, times[i % times.length] as Moment);
  const columnsOf = new Map<string, string[]>();
  const insert = (table: string, row: Record<string, Cell>) => {
    const known =
      columnsOf.get(table) ?? db.query(`SELECT name FROM pragma_table_info('${table}')`).values().flat();
    columnsOf.set(table, known as string[]);
    const columns = Object.keys(row).filter((column) => known.includes(column));
    const values = columns.map((column) => row[column] as Cell);
    db.query(`INSERT INTO ${table} (${columns}) VALUES (${columns.map(() => "?")})`).run(...values);
  };
  db.transaction(() => {
    for (let i = 0; i < times.length; i++) insert("events", eventRow(i, time(i)));
    // A rolled back tail: the next id must continue after it, not after the newest row.
    db.run("UPDATE sqlite_sequence SET seq = seq + 7 WHERE name = 'events'");
    for (let i = 0; i < 40; i++) insert("sessions", sessionRow(i, version, time));
    if (version >= 3) for (let i = 0; i < 4; i++) insert("webhooks", webhookRow(i, time(i)));
    // Early releases left a row for each version.
    for (let row = version === 5 ? 1 : version; version >= 2 && row <= version; row++)
      insert("schema_version", { version: row });
  })();
  db.close(true);
}

function eventRow(i: number, timestamp: string): Record<string, Cell> {
  const meta = { title: `title ${i} ✨`, tags: ["a", "b"], signal_level: i % 22 === 0 ? "actionable" : null };
  return {
    id: i + 1 + Math.floor(i / 1000) * 3,
    event_type: TYPES[i % TYPES.length] as string,
    payload: PAYLOADS[i % PAYLOADS.length] as string,
    session_id: i % 3 === 0 ? "anonymous" : `client-${i % 40}`,
    timestamp,
    channel: i % 4 === 0 ? "repo:proj" : i % 4 === 1 ? `session:client-${i % 40}` : "all",
    correlation_id: i % 10 === 0 ? `req-${i % 100}` : null,
    payload_meta: i % 11 === 0 ? JSON.stringify(meta) : null,
  };
}

function sessionRow(i: number, version: Version, time: (i: number) => string): Record<string, Cell> {
  return {
    id: version < 2 ? `brave-trex-${i}` : `client-${i}`,
    display_id: `brave-trex-${i}`,
    name: `名前 ${i}`,
    machine: i % 2 === 0 ? "laptop" : "desktop",
    cwd: `/home/me/proj ${i}`,
    repo: "proj",
    registered_at: time(i),
    last_heartbeat: time(i + 100),
    client_id: i % 8 === 0 ? null : `client-${i}`,
    last_cursor: i % 3 === 0 ? null : String(i * 10),
    deleted_at: i % 5 === 0 ? time(i + 200) : null,
  };
}

function webhookRow(i: number, created_at: string): Record<string, Cell> {
  return {
    url: `http://127.0.0.1:${9000 + i}/hook`,
    channel_filter: i % 2 === 0 ? null : "repo:",
    event_types: i < 2 ? null : "help_needed,task_completed",
    created_at,
    active: i === 3 ? 0 : 1,
    secret: i % 2 === 0 ? null : `s€cret-${i}`,
  };
}

/** Every row of every table, in order, and the definitions. */
export function contents(path: string): Record<string, Cell[][]> {
  const db = new Database(path, { readonly: true });
  try {
    const names = db
      .query("SELECT name FROM sqlite_schema WHERE type = 'table' AND rootpage > 0 ORDER BY name")
      .values()
      .flat() as string[];
    const rows = Object.fromEntries(
      names.map((name) => [name, db.query(`SELECT * FROM ${name} ORDER BY 1`).values() as Cell[][]]),
    );
    const definitions = db.query("SELECT name, sql FROM sqlite_schema ORDER BY name").values() as Cell[][];
    return { ...rows, definitions };
  } finally {
    db.close(true);
  }
}

/** The rows of a table as objects, by its first column. */
export function rowsOf(path: string, table: string): Record<string, Cell>[] {
  const db = new Database(path, { readonly: true });
  try {
    return db.query(`SELECT * FROM ${table} ORDER BY 1`).all() as Record<string, Cell>[];
  } finally {
    db.close(true);
  }
}
