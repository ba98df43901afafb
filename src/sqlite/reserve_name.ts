import { ORIGINS } from "../domain/caller.ts";
import { BUS_ITSELF, PERSON } from "../domain/event.ts";
import { isPersonsName } from "../domain/person.ts";
import type { Database } from "../runtime/runtime.ts";

/** Columns that may hold a session's id. */
const REFERENCES = [
  ["mail", "recipient"],
  ["claims", "session_id"],
  ["aliases", "session_id"],
] as const;

/**
 * Renames what has the person's name, which sessions could take before: `human` becomes `session-human`. Each session that is
 * not unregistered is told by a direct message. What was published stays as it is.
 */
export function reserveName(db: Database): void {
  for (const [table, column] of [
    ["claims", "name"],
    ["aliases", "alias"],
  ] as const)
    rename(db, table, column);
  // Mail for a name that nobody held.
  db.prepare("UPDATE OR IGNORE mail SET recipient = $to WHERE recipient = $from").run({
    from: `@${PERSON}`,
    to: `@${renamed(PERSON)}`,
  });
  for (const [from, to] of rename(db, "sessions", "id"))
    for (const [table, column] of REFERENCES)
      db.prepare(`UPDATE ${table} SET ${column} = $to WHERE ${column} = $from`).run({ from, to });
  rename(db, "sessions", "client_id");
  for (const [from, to] of rename(db, "sessions", "name")) tell(db, from, to);
}

/** Renames in a text column, and returns the old and new values. */
function rename(db: Database, table: string, column: string): [from: string, to: string][] {
  const rows = db
    .prepare(`SELECT DISTINCT ${column} AS name FROM ${table} WHERE ${column} IS NOT NULL`)
    .all();
  const names = rows.map(({ name }) => String(name)).filter(isPersonsName);
  const update = db.prepare(`UPDATE ${table} SET ${column} = $to WHERE ${column} = $from`);
  return names.map((from) => {
    const to = renamed(from);
    update.run({ from, to });
    return [from, to];
  });
}

function renamed(name: string): string {
  return `session-${name.replace(/^@/, "")}`;
}

function tell(db: Database, from: string, to: string): void {
  const sessions = db.prepare("SELECT id FROM sessions WHERE name = $to AND deleted_at IS NULL").all({ to });
  for (const { id } of sessions) {
    const { lastInsertRowid } = db
      .prepare(
        `INSERT INTO events (event_type, payload, session_id, timestamp, channel, origin)
          VALUES ('session_renamed', $payload, $bus, strftime('%Y-%m-%dT%H:%M:%f+00:00', 'now'), $channel, $origin)`,
      )
      .run({
        payload: `This session was called "${from}", which is now reserved for the user. Its new name is "${to}".`,
        bus: BUS_ITSELF,
        channel: `session:${id}`,
        origin: ORIGINS.bus,
      });
    db.prepare("INSERT INTO mail (recipient, event_id) VALUES ($id, $event)").run({
      id: String(id),
      event: lastInsertRowid,
    });
  }
}
