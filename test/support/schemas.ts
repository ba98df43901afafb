import { Database } from "bun:sqlite";

/** The schema versions that releases of this bus wrote. Those up to 5 are the Python original's. */
export const VERSIONS = [6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18] as const;
export type OwnVersion = (typeof VERSIONS)[number];

/** Statements of each version, frozen as its release ran them. */
const HISTORY: Readonly<Record<OwnVersion, string>> = {
  6: `
    CREATE TABLE schema_version (version INTEGER PRIMARY KEY);
    CREATE TABLE sessions (
      id TEXT PRIMARY KEY, display_id TEXT NOT NULL, name TEXT NOT NULL, machine TEXT NOT NULL, cwd TEXT NOT NULL,
      repo TEXT NOT NULL, registered_at TIMESTAMP NOT NULL, last_heartbeat TIMESTAMP NOT NULL, client_id TEXT,
      last_cursor TEXT, deleted_at TIMESTAMP
    );
    CREATE TABLE events (
      id INTEGER PRIMARY KEY AUTOINCREMENT, event_type TEXT NOT NULL, payload TEXT NOT NULL, session_id TEXT NOT NULL,
      timestamp TIMESTAMP NOT NULL, channel TEXT NOT NULL DEFAULT 'all', correlation_id TEXT, payload_meta TEXT
    );
    CREATE TABLE webhooks (
      id INTEGER PRIMARY KEY AUTOINCREMENT, url TEXT NOT NULL, channel_filter TEXT, event_types TEXT,
      created_at TIMESTAMP NOT NULL, active INTEGER NOT NULL DEFAULT 1, secret TEXT
    );
    CREATE INDEX events_by_channel ON events (channel, id);
    CREATE INDEX events_by_type ON events (event_type, id);
    CREATE INDEX events_by_correlation ON events (correlation_id, id) WHERE correlation_id IS NOT NULL;
    CREATE INDEX sessions_by_client ON sessions (machine, client_id);
    CREATE INDEX sessions_by_display_id ON sessions (display_id);
    CREATE INDEX sessions_by_name ON sessions (name);
    CREATE INDEX sessions_present ON sessions (last_heartbeat) WHERE deleted_at IS NULL;
    CREATE TABLE bus (key TEXT PRIMARY KEY, value TEXT NOT NULL);
    INSERT INTO bus (key, value) VALUES ('id', 'c0ffee00');`,
  7: `
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
    CREATE INDEX deliveries_done ON deliveries (last_at) WHERE state <> 'pending';`,
  8: "ALTER TABLE events ADD COLUMN origin TEXT;",
  9: `
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
    CREATE INDEX mail_by_event ON mail (event_id);`,
  10: `
    DROP INDEX sessions_present;
    CREATE INDEX sessions_present ON sessions (julianday(last_heartbeat)) WHERE deleted_at IS NULL;`,
  11: `
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
    CREATE INDEX pushes_by_time ON pushes (at);`,
  12: `
    CREATE VIRTUAL TABLE events_text USING fts5(
      text, content = '', columnsize = 0, detail = none, tokenize = 'trigram case_sensitive 1'
    );
    INSERT INTO events_text (events_text, rank) VALUES ('automerge', 0), ('usermerge', 8), ('crisismerge', 64);
    CREATE INDEX aliases_by_session ON aliases (session_id);`,
  13: `
    CREATE TABLE needs (
      need_id INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT UNIQUE, kind TEXT NOT NULL, session_id TEXT NOT NULL,
      text TEXT NOT NULL, tool TEXT, input TEXT, cwd TEXT, branch TEXT, event_id INTEGER, correlation_id TEXT,
      since TEXT NOT NULL, answerable INTEGER NOT NULL, secret TEXT NOT NULL, state TEXT NOT NULL DEFAULT 'open',
      answer TEXT, answered_by TEXT, via TEXT, closed_at TEXT, reason TEXT, taken_at TEXT
    );
    CREATE INDEX needs_open ON needs (need_id) WHERE state = 'open';
    CREATE INDEX needs_by_correlation ON needs (correlation_id) WHERE state = 'open';`,
  14: `ALTER TABLE sessions ADD COLUMN last_words TEXT;
    ALTER TABLE sessions ADD COLUMN state_since TEXT;`,
  15: `ALTER TABLE sessions ADD COLUMN rung TEXT;
    ALTER TABLE sessions ADD COLUMN rung_until INTEGER NOT NULL DEFAULT 0;`,
  16: `ALTER TABLE sessions ADD COLUMN machine_id TEXT;
    ALTER TABLE sessions ADD COLUMN seen_on TEXT;
    ALTER TABLE sessions ADD COLUMN origin TEXT;
    DROP INDEX sessions_by_client;
    DROP INDEX sessions_by_process;
    CREATE INDEX sessions_by_client ON sessions (client_id) WHERE client_id IS NOT NULL;
    CREATE INDEX sessions_by_process ON sessions (pid, pid_started) WHERE pid IS NOT NULL;`,
  17: `CREATE TABLE sources (
      source_id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, secret TEXT,
      secret_old TEXT, secret_old_until INTEGER NOT NULL DEFAULT 0, mapping TEXT NOT NULL, created_at TEXT NOT NULL,
      last_event_id INTEGER, last_arrival TEXT
    );
    CREATE TABLE arrivals (
      source_id INTEGER NOT NULL, key TEXT NOT NULL, event_id INTEGER NOT NULL, PRIMARY KEY (source_id, key)
    ) WITHOUT ROWID;`,
  18: "ALTER TABLE sessions ADD COLUMN read_until INTEGER;",
};

/** Writes a database as the release of that version left it, with rows in each table. */
export function writeOwn(path: string, version: OwnVersion): void {
  const db = new Database(path, { create: true });
  db.run("PRAGMA journal_mode = WAL");
  for (const one of VERSIONS) if (one <= version) db.run(HISTORY[one]);
  db.run(rowsIn(version));
  db.run("INSERT INTO schema_version VALUES (?)", [version]);
  db.close(true);
}

/** A moment of January 2026 as that version wrote it. */
export function timeIn(version: OwnVersion, day: number): string {
  return `2026-01-0${day}T08:00:00.000${version < 10 ? "Z" : "+00:00"}`;
}

function rowsIn(version: OwnVersion): string {
  const at = (day: number) => `'${timeIn(version, day)}'`;
  // A session is here for a day after its last sign of life.
  const now = `'${new Date().toISOString().replace("Z", version < 10 ? "Z" : "+00:00")}'`;
  const from = (since: OwnVersion, sql: string) => (version >= since ? sql : "");
  return `
    INSERT INTO sessions (id, display_id, name, machine, cwd, repo, registered_at, last_heartbeat, client_id, last_cursor, deleted_at)
      VALUES ('s-a', 'calm-otter', 'a', 'm1', '/a', 'r', ${at(1)}, ${now}, 'c-a', '2', NULL),
        ('s-b', 'wise-fox', 'b', 'm2', '/b', 'r', ${at(1)}, ${now}, 'c-b', NULL, NULL),
        ('s-gone', 'grey-elk', 'gone', 'm2', '/b', 'r', ${at(1)}, ${at(2)}, 'c-gone', '1', ${at(3)});
    INSERT INTO events (id, event_type, payload, session_id, timestamp, channel, correlation_id, payload_meta)
      VALUES (1, 'note', 'hello', 's-a', ${at(1)}, 'all', NULL, NULL),
        (2, 'note', '🦖 漢字', 's-a', ${at(1)}, 'repo:r', 'q-1', '{"title":"t","tags":["x"],"signal_level":"actionable"}'),
        (3, 'note', 'to a', 's-b', ${at(2)}, 'session:s-a', NULL, NULL),
        (4, 'note', 'to b', 's-a', ${at(2)}, 'session:s-b', NULL, NULL);
    INSERT INTO webhooks (id, url, channel_filter, event_types, created_at, active, secret)
      VALUES (1, 'http://127.0.0.1:1/on', 'repo:', 'never', ${at(1)}, 1, 's3cret'), (2, 'http://127.0.0.1:1/off', NULL, NULL, ${at(2)}, 0, NULL);
    ${from(
      7,
      `UPDATE webhooks SET ordered = 1, last_success = ${at(2)}, secret_old = 'old', secret_old_until = 5 WHERE id = 1;
      UPDATE webhooks SET paused_reason = 'paused', last_failure = ${at(2)}, last_error = 'HTTP 500' WHERE id = 2;
      INSERT INTO deliveries (id, webhook_id, event_id, state, attempts, created_at, last_status, last_error, last_at, last_ms)
        VALUES (1, 1, 1, 'delivered', 1, 5, 204, NULL, unixepoch() * 1000, 3), (2, 2, 1, 'dead', 13, 5, 500, 'HTTP 500', unixepoch() * 1000, 3),
          (3, 2, 2, 'pending', 0, unixepoch() * 1000, NULL, NULL, NULL, NULL);`,
    )}
    ${from(8, "UPDATE events SET origin = 'laptop' WHERE id = 2;")}
    ${from(
      9,
      `UPDATE sessions SET state = 'idle', lease_until = ${at(4)}, offered_cursor = 2 WHERE id = 's-gone';
      INSERT INTO aliases VALUES ('old-name', 's-a');
      INSERT INTO claims VALUES ('lead', 's-b', ${at(2)});
      INSERT INTO mail VALUES ('s-a', 3, ${at(2)}, 'prompt', 1, ${at(2)}, ${at(3)}), ('s-b', 4, NULL, NULL, 0, NULL, NULL);`,
    )}
    ${from(11, "UPDATE sessions SET branch = 'main', wake = 'off', muted_until = 5, title = 'a', worked_at = 7 WHERE id = 's-a'; INSERT INTO pushes VALUES (1, 's-a', 's-b', 'wake', 900, 8);")}
    ${from(
      13,
      `INSERT INTO needs (key, kind, session_id, text, tool, input, event_id, correlation_id, since, answerable, secret)
        VALUES ('k-1', 'permission', 's-a', 'Write: /a/x', 'Write', '{"file_path":"/a/x"}', NULL, NULL, ${at(2)}, 1, '00'),
          (NULL, 'ask', 's-a', 'hello', NULL, NULL, 2, 'q-1', ${at(2)}, 1, '01');
      UPDATE needs SET state = 'answered', answer = '{"behavior":"allow"}', answered_by = 'person', via = 'shell',
        closed_at = ${at(3)}, taken_at = ${at(3)} WHERE need_id = 1;`,
    )}
    ${from(14, "UPDATE sessions SET last_words = 'All tests pass.', state_since = '2026-11-01T10:00:00.000+00:00' WHERE id = 's-a';")}
    ${from(15, "UPDATE sessions SET rung = 'mod', rung_until = 9 WHERE id = 's-a';")}
    ${from(16, "UPDATE sessions SET machine_id = 'id-of-m1', seen_on = 'id-of-m1', origin = 'local' WHERE id = 's-a';")}
    ${from(
      17,
      `INSERT INTO sources VALUES (1, 'ci', 'github', 's3cret', 'old', 5, '{"channel":"all"}', ${at(1)}, 1, ${at(2)});
      INSERT INTO arrivals VALUES (1, 'id:1', 1);`,
    )}
    ${from(18, "UPDATE sessions SET read_until = 7 WHERE id = 's-a';")}`;
}
