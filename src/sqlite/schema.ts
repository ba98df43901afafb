import type { Database } from "../runtime/runtime.ts";
import { reserveName } from "./reserve_name.ts";
import { momentOf } from "./time.ts";

export const SCHEMA_VERSION = 18;

/** In order. Each brings a database from any lower version to `version`. The Python original had the versions up to 5. */
export const MIGRATIONS: readonly { version: number; apply(db: Database): void }[] = [
  { version: 5, apply: completeOriginal },
  { version: 6, apply: toUtc },
  { version: 7, apply: addOutbox },
  { version: 8, apply: (db) => db.exec("ALTER TABLE events ADD COLUMN origin TEXT") },
  { version: 9, apply: addMail },
  { version: 10, apply: nameZone },
  { version: 11, apply: addAttention },
  { version: 12, apply: addTextIndex },
  { version: 13, apply: addNeeds },
  { version: 14, apply: addLastWords },
  { version: 15, apply: addRung },
  { version: 16, apply: addMachineId },
  { version: 17, apply: addSources },
  { version: 18, apply: (db) => db.exec("ALTER TABLE sessions ADD COLUMN read_until INTEGER") },
];

const ORIGINAL_TABLES = `
  CREATE TABLE IF NOT EXISTS sessions (
    id TEXT PRIMARY KEY, display_id TEXT NOT NULL, name TEXT NOT NULL, machine TEXT NOT NULL, cwd TEXT NOT NULL,
    repo TEXT NOT NULL, registered_at TIMESTAMP NOT NULL, last_heartbeat TIMESTAMP NOT NULL, client_id TEXT,
    last_cursor TEXT, deleted_at TIMESTAMP
  );
  CREATE TABLE IF NOT EXISTS events (
    id INTEGER PRIMARY KEY AUTOINCREMENT, event_type TEXT NOT NULL, payload TEXT NOT NULL, session_id TEXT NOT NULL,
    timestamp TIMESTAMP NOT NULL, channel TEXT NOT NULL DEFAULT 'all', correlation_id TEXT, payload_meta TEXT
  );
  CREATE TABLE IF NOT EXISTS webhooks (
    id INTEGER PRIMARY KEY AUTOINCREMENT, url TEXT NOT NULL, channel_filter TEXT, event_types TEXT,
    created_at TIMESTAMP NOT NULL, active INTEGER NOT NULL DEFAULT 1, secret TEXT
  );`;

/** Columns that early versions of the original lack. Values are constants of this file, never input. */
const LATER_COLUMNS = [
  { table: "sessions", column: "display_id", type: "TEXT" },
  { table: "sessions", column: "deleted_at", type: "TIMESTAMP" },
  { table: "sessions", column: "last_cursor", type: "TEXT" },
  { table: "sessions", column: "repo", type: "TEXT NOT NULL DEFAULT 'unknown'" },
  { table: "events", column: "channel", type: "TEXT NOT NULL DEFAULT 'all'" },
  { table: "events", column: "correlation_id", type: "TEXT" },
  { table: "events", column: "payload_meta", type: "TEXT" },
];

function completeOriginal(db: Database): void {
  db.exec(ORIGINAL_TABLES);
  for (const { table, column, type } of LATER_COLUMNS)
    if (!columnsOf(db, table).has(column)) db.exec(`ALTER TABLE ${table} ADD COLUMN ${column} ${type}`);
  // The first version had no separate id for people to read.
  db.exec("UPDATE sessions SET display_id = id WHERE display_id IS NULL");
}

export function columnsOf(db: Database, table: string): Set<string> {
  return namesFrom(db, `pragma_table_info('${table}')`);
}

/** The names in what follows FROM in a query. */
export function namesFrom(db: Database, from: string): Set<string> {
  const rows = db.prepare(`SELECT name FROM ${from}`).all();
  return new Set(rows.map(({ name }) => String(name)));
}

// Times of the original are local, without a zone, and have six fractional digits (26 characters) or none. `utc` does not
// change a time that names its zone. A text that is not a time stays.
function toUtc(db: Database): void {
  const utc = (column: string) =>
    `${column} = COALESCE(strftime('%Y-%m-%dT%H:%M:%f+00:00', iif(length(${column}) = 26, substr(${column}, 1, 23), ${column}), 'utc'), ${column})`;
  db.exec(`UPDATE events SET ${utc("timestamp")}`);
  db.exec(`UPDATE sessions SET ${utc("registered_at")}, ${utc("last_heartbeat")}, ${utc("deleted_at")}`);
  db.exec(`UPDATE webhooks SET ${utc("created_at")}`);
  db.exec(`
    DROP INDEX IF EXISTS idx_events_id;
    DROP INDEX IF EXISTS idx_events_correlation;
    CREATE INDEX events_by_channel ON events (channel, id);
    CREATE INDEX events_by_type ON events (event_type, id);
    CREATE INDEX events_by_correlation ON events (correlation_id, id) WHERE correlation_id IS NOT NULL;
    CREATE INDEX sessions_by_client ON sessions (machine, client_id);
    CREATE INDEX sessions_by_display_id ON sessions (display_id);
    CREATE INDEX sessions_by_name ON sessions (name);
    CREATE INDEX sessions_present ON sessions (last_heartbeat) WHERE deleted_at IS NULL;
    CREATE TABLE bus (key TEXT PRIMARY KEY, value TEXT NOT NULL);
    INSERT INTO bus (key, value) VALUES ('id', lower(hex(randomblob(4))));`);
}

function addOutbox(db: Database): void {
  db.exec(`
    ALTER TABLE webhooks ADD COLUMN ordered INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE webhooks ADD COLUMN local INTEGER NOT NULL DEFAULT 1;
    ALTER TABLE webhooks ADD COLUMN secret_old TEXT;
    ALTER TABLE webhooks ADD COLUMN secret_old_until INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE webhooks ADD COLUMN paused_reason TEXT;
    ALTER TABLE webhooks ADD COLUMN last_success TEXT;
    ALTER TABLE webhooks ADD COLUMN last_failure TEXT;
    ALTER TABLE webhooks ADD COLUMN last_error TEXT;
    ALTER TABLE webhooks ADD COLUMN failing_since INTEGER;
    CREATE TABLE deliveries (
      id INTEGER PRIMARY KEY AUTOINCREMENT, webhook_id INTEGER NOT NULL, event_id INTEGER NOT NULL,
      state TEXT NOT NULL DEFAULT 'pending', attempts INTEGER NOT NULL DEFAULT 0, next_at INTEGER NOT NULL DEFAULT 0,
      created_at INTEGER NOT NULL, redelivery INTEGER NOT NULL DEFAULT 0, last_status INTEGER, last_error TEXT,
      last_at INTEGER, last_ms INTEGER, UNIQUE (webhook_id, event_id)
    );
    CREATE INDEX deliveries_due ON deliveries (webhook_id, next_at, event_id) WHERE state = 'pending';
    CREATE INDEX deliveries_by_state ON deliveries (webhook_id, state, event_id);
    CREATE INDEX deliveries_done ON deliveries (last_at) WHERE state <> 'pending';`);
}

function addLastWords(db: Database): void {
  db.exec(`
    ALTER TABLE sessions ADD COLUMN last_words TEXT;
    ALTER TABLE sessions ADD COLUMN state_since TEXT;`);
}

function addRung(db: Database): void {
  db.exec(`
    ALTER TABLE sessions ADD COLUMN rung TEXT;
    ALTER TABLE sessions ADD COLUMN rung_until INTEGER NOT NULL DEFAULT 0;`);
}

// Sessions are found by their client, and then by the machine's id or name.
function addMachineId(db: Database): void {
  db.exec(`
    ALTER TABLE sessions ADD COLUMN machine_id TEXT;
    ALTER TABLE sessions ADD COLUMN seen_on TEXT;
    ALTER TABLE sessions ADD COLUMN origin TEXT;
    DROP INDEX sessions_by_client;
    DROP INDEX sessions_by_process;
    CREATE INDEX sessions_by_client ON sessions (client_id) WHERE client_id IS NOT NULL;
    CREATE INDEX sessions_by_process ON sessions (pid, pid_started) WHERE pid IS NOT NULL;`);
}

// Direct messages that are still unread become mail.
function addMail(db: Database): void {
  db.exec(`
    ALTER TABLE sessions ADD COLUMN pid INTEGER;
    ALTER TABLE sessions ADD COLUMN pid_started TEXT;
    ALTER TABLE sessions ADD COLUMN state TEXT;
    ALTER TABLE sessions ADD COLUMN lease_until TEXT;
    ALTER TABLE sessions ADD COLUMN offered_cursor INTEGER NOT NULL DEFAULT 0;
    CREATE INDEX sessions_by_process ON sessions (machine, pid) WHERE pid IS NOT NULL;
    CREATE TABLE aliases (alias TEXT PRIMARY KEY, session_id TEXT NOT NULL);
    CREATE TABLE claims (name TEXT PRIMARY KEY, session_id TEXT NOT NULL, claimed_at TEXT NOT NULL);
    CREATE INDEX claims_by_session ON claims (session_id, name);
    CREATE TABLE mail (
      recipient TEXT NOT NULL, event_id INTEGER NOT NULL, offered_at TEXT, offered_by TEXT, offers INTEGER NOT NULL DEFAULT 0,
      seen_at TEXT, acked_at TEXT, PRIMARY KEY (recipient, event_id)
    ) WITHOUT ROWID;
    CREATE INDEX mail_unseen ON mail (recipient, event_id) WHERE seen_at IS NULL;
    CREATE INDEX mail_by_event ON mail (event_id);
    INSERT INTO mail (recipient, event_id)
      SELECT sessions.id, events.id FROM sessions JOIN events ON events.channel = 'session:' || sessions.id
      WHERE sessions.deleted_at IS NULL AND events.id > CAST(COALESCE(sessions.last_cursor, '0') AS INTEGER);`);
}

const TIMES = {
  events: ["timestamp"],
  sessions: ["registered_at", "last_heartbeat", "deleted_at", "lease_until"],
  webhooks: ["created_at", "last_success", "last_failure"],
  claims: ["claimed_at"],
  mail: ["offered_at", "seen_at", "acked_at"],
};

// Earlier times ended in `Z`. Sessions are found by the moment of a time, not by its text.
function nameZone(db: Database): void {
  for (const [table, columns] of Object.entries(TIMES)) {
    const named = columns.map(
      (column) =>
        `${column} = iif(${column} GLOB '*Z', substr(${column}, 1, length(${column}) - 1) || '+00:00', ${column})`,
    );
    const old = columns.map((column) => `${column} GLOB '*Z'`).join(" OR ");
    db.exec(`UPDATE ${table} SET ${named.join(", ")} WHERE ${old}`);
  }
  db.exec(`
    DROP INDEX sessions_present;
    CREATE INDEX sessions_present ON sessions (${momentOf("last_heartbeat")}) WHERE deleted_at IS NULL;`);
}

function addAttention(db: Database): void {
  db.exec(`
    ALTER TABLE sessions ADD COLUMN branch TEXT;
    ALTER TABLE sessions ADD COLUMN wake TEXT;
    ALTER TABLE sessions ADD COLUMN muted_until INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE sessions ADD COLUMN title TEXT;
    ALTER TABLE sessions ADD COLUMN worked_at INTEGER NOT NULL DEFAULT 0;
    CREATE TABLE pushes (
      id INTEGER PRIMARY KEY, session_id TEXT NOT NULL, sender TEXT NOT NULL, kind TEXT NOT NULL, bytes INTEGER NOT NULL,
      at INTEGER NOT NULL
    );
    CREATE INDEX pushes_by_session ON pushes (session_id, at);
    CREATE INDEX pushes_by_time ON pushes (at);`);
  reserveName(db);
}

// The index holds which three characters follow each other anywhere in an event, and no text. It is filled and merged in
// small steps by the bus itself.
function addTextIndex(db: Database): void {
  db.exec(`
    CREATE VIRTUAL TABLE events_text USING fts5(
      text, content = '', columnsize = 0, detail = none, tokenize = 'trigram case_sensitive 1'
    );
    INSERT INTO events_text (events_text, rank) VALUES ('automerge', 0), ('usermerge', 8), ('crisismerge', 64);
    CREATE INDEX aliases_by_session ON aliases (session_id);`);
}

function addNeeds(db: Database): void {
  db.exec(`
    CREATE TABLE needs (
      need_id INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT UNIQUE, kind TEXT NOT NULL, session_id TEXT NOT NULL,
      text TEXT NOT NULL, tool TEXT, input TEXT, cwd TEXT, branch TEXT, event_id INTEGER, correlation_id TEXT,
      since TEXT NOT NULL, answerable INTEGER NOT NULL, secret TEXT NOT NULL, state TEXT NOT NULL DEFAULT 'open',
      answer TEXT, answered_by TEXT, via TEXT, closed_at TEXT, reason TEXT, taken_at TEXT
    );
    CREATE INDEX needs_open ON needs (need_id) WHERE state = 'open';
    CREATE INDEX needs_by_correlation ON needs (correlation_id) WHERE state = 'open';`);
}

// An arrival is known by its keys for good, as its event is.
function addSources(db: Database): void {
  db.exec(`
    CREATE TABLE sources (
      source_id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, secret TEXT,
      secret_old TEXT, secret_old_until INTEGER NOT NULL DEFAULT 0, mapping TEXT NOT NULL, created_at TEXT NOT NULL,
      last_event_id INTEGER, last_arrival TEXT
    );
    CREATE TABLE arrivals (
      source_id INTEGER NOT NULL, key TEXT NOT NULL, event_id INTEGER NOT NULL, PRIMARY KEY (source_id, key)
    ) WITHOUT ROWID;`);
}
