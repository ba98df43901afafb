import { Database } from "bun:sqlite";

/** Each channel, type and correlation id is that of every tenth event, whatever the others are. */
export const OF_EACH = 10;

/** A type that is `actionable`, and one of OF_EACH. */
export const ACTIONABLE = "help_needed";

/**
 * Adds `count` events of 120 characters straight to a database that the bus has made and does not use now. Their times
 * are in the past, a second apart.
 */
export function seed(path: string, count: number): void {
  const db = new Database(path, { readwrite: true });
  db.run("PRAGMA journal_mode = WAL");
  db.run("PRAGMA synchronous = OFF");
  db.run("PRAGMA cache_size = -400000");
  const insert = db.prepare(`
    WITH RECURSIVE n(i) AS (SELECT $from UNION ALL SELECT i + 1 FROM n WHERE i + 1 < $to)
    INSERT INTO events (event_type, payload, session_id, timestamp, channel, correlation_id, origin)
    SELECT iif(i / ${OF_EACH} % ${OF_EACH} = 0, '${ACTIONABLE}', 'type-' || (i / ${OF_EACH} % ${OF_EACH})),
      printf('%-120d', i), 'bench', strftime('%Y-%m-%dT%H:%M:%fZ', 1700000000 + i, 'unixepoch'),
      'repo:r' || (i % ${OF_EACH}), 'c' || (i / ${OF_EACH * OF_EACH} % ${OF_EACH}), 'local' FROM n`);
  const STEP = 100_000;
  for (let from = 0; from < count; from += STEP)
    insert.run({ $from: from, $to: Math.min(from + STEP, count) });
  db.run("PRAGMA wal_checkpoint(TRUNCATE)");
  db.close();
}
