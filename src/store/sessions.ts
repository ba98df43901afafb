import { parseCursor } from "../bus/cursor.ts";
import type { Event, EventDraft } from "../bus/event.ts";
import { pickDisplayId } from "../bus/names.ts";
import type { Presence, Session } from "../bus/session.ts";
import type { Database, Row } from "../runtime/runtime.ts";
import type { EventRows } from "./events.ts";
import type { Writer } from "./writer.ts";

export interface SessionRows {
  get(sessionId: string): Session | undefined;
  byClient(machine: string, clientId: string): Session | undefined;
  /** Sessions with that display_id or name, present ones and those heard of last first. */
  namedLike(text: string): Session[];
  present(since: string): Session[];
  presence(since: string): Presence[];
  displayIdExists(displayId: string): boolean;
  insert(session: Session): void;
  revive(session: Session): void;
  touch(sessionId: string, timestamp: string): void;
  saveCursor(sessionId: string, cursor: number): void;
  markDeleted(sessionId: string, timestamp: string): void;
}

const COLUMNS =
  "id, display_id, name, machine, cwd, repo, client_id, registered_at, last_heartbeat, last_cursor, deleted_at";

/** The SQL of sessions, for use inside one call or one write unit. */
export function sessionRows(db: Database): SessionRows {
  const select = (rest: string) => db.prepare(`SELECT ${COLUMNS} FROM sessions ${rest}`);
  const get = select("WHERE id = $id");
  const byClient = select(`WHERE machine = $machine AND client_id = $clientId
    ORDER BY deleted_at IS NOT NULL, last_heartbeat DESC LIMIT 1`);
  const byDisplayId = select(
    "WHERE display_id = $text ORDER BY deleted_at IS NOT NULL, last_heartbeat DESC LIMIT 100",
  );
  const byName = select("WHERE name = $text AND deleted_at IS NULL ORDER BY last_heartbeat DESC LIMIT 100");
  const present = select(
    "WHERE deleted_at IS NULL AND last_heartbeat > $since ORDER BY last_heartbeat DESC, id",
  );
  const presence = db.prepare(
    "SELECT machine, client_id, last_heartbeat FROM sessions WHERE deleted_at IS NULL AND last_heartbeat > $since",
  );
  const displayIdExists = db.prepare("SELECT 1 FROM sessions WHERE display_id = $displayId LIMIT 1");
  const insert = db.prepare(`INSERT INTO sessions (${COLUMNS})
    VALUES ($id, $displayId, $name, $machine, $cwd, $repo, $clientId, $registeredAt, $lastHeartbeat, $cursor, NULL)`);
  const revive = db.prepare(`UPDATE sessions
    SET name = $name, cwd = $cwd, repo = $repo, last_heartbeat = $lastHeartbeat, deleted_at = NULL WHERE id = $id`);
  const touch = db.prepare(
    "UPDATE sessions SET last_heartbeat = max(last_heartbeat, $timestamp) WHERE id = $id",
  );
  const saveCursor = db.prepare("UPDATE sessions SET last_cursor = $cursor WHERE id = $id");
  const markDeleted = db.prepare("UPDATE sessions SET deleted_at = $timestamp WHERE id = $id");
  const one = (row: Row | undefined) => (row === undefined ? undefined : sessionOfRow(row));

  return {
    get: (id) => one(get.get({ id })),
    byClient: (machine, clientId) => one(byClient.get({ machine, clientId })),
    namedLike(text) {
      const named = byDisplayId.all({ text }).map(sessionOfRow);
      const ids = new Set(named.map((session) => session.session_id));
      return named.concat(
        byName
          .all({ text })
          .map(sessionOfRow)
          .filter((session) => !ids.has(session.session_id)),
      );
    },
    present: (since) => present.all({ since }).map(sessionOfRow),
    presence: (since) =>
      presence.all({ since }).map((row) => ({
        deleted_at: null,
        last_heartbeat: String(row.last_heartbeat),
        machine: String(row.machine),
        client_id: row.client_id === null ? null : String(row.client_id),
      })),
    displayIdExists: (displayId) => displayIdExists.get({ displayId }) !== undefined,
    insert: (session) =>
      void insert.run({
        id: session.session_id,
        displayId: session.display_id,
        name: session.name,
        machine: session.machine,
        cwd: session.cwd,
        repo: session.repo,
        clientId: session.client_id,
        registeredAt: session.registered_at,
        lastHeartbeat: session.last_heartbeat,
        cursor: session.cursor === null ? null : String(session.cursor),
      }),
    revive: (session) =>
      void revive.run({
        id: session.session_id,
        name: session.name,
        cwd: session.cwd,
        repo: session.repo,
        lastHeartbeat: session.last_heartbeat,
      }),
    touch: (id, timestamp) => void touch.run({ id, timestamp }),
    saveCursor: (id, cursor) => void saveCursor.run({ id, cursor: String(cursor) }),
    markDeleted: (id, timestamp) => void markDeleted.run({ id, timestamp }),
  };
}

function sessionOfRow(row: Row): Session {
  const text = (column: string) => String(row[column] ?? "");
  const optional = (column: string) => (row[column] === null ? null : text(column));
  return {
    session_id: text("id"),
    display_id: text("display_id"),
    name: text("name"),
    machine: text("machine"),
    cwd: text("cwd"),
    repo: text("repo"),
    client_id: optional("client_id"),
    registered_at: text("registered_at"),
    last_heartbeat: text("last_heartbeat"),
    cursor: parseCursor(optional("last_cursor")),
    deleted_at: optional("deleted_at"),
  };
}

export interface Registration {
  name: string;
  machine: string;
  cwd: string;
  repo: string;
  client_id: string | null;
  /** Of its event. */
  origin: string;
}

export interface Registered {
  session: Session;
  /** The session_registered event of a new session; null when it was resumed. */
  event: Event | null;
}

export interface Sessions {
  get(sessionId: string): Promise<Session | undefined>;
  byClient(machine: string, clientId: string): Promise<Session | undefined>;
  namedLike(text: string): Promise<Session[]>;
  /** Sessions that are not unregistered and were heard of after `since`, most recently active first. */
  present(since: string): Promise<Session[]>;
  /** The same sessions, only as much of each as tells whether it is here. */
  presence(since: string): Promise<Presence[]>;
  /** Revives the session of (machine, client_id), or makes a new one with its event and saved cursor, in one transaction. */
  register(registration: Registration): Promise<Registered>;
  /** Records that the session was heard of. Not awaited by callers: losing one costs nothing. */
  touch(sessionId: string): Promise<void>;
  /** Saves the newest event's id as the cursor and returns it. */
  saveTip(sessionId: string): Promise<number>;
  saveCursor(sessionId: string, cursor: number): Promise<void>;
  unregister(sessionId: string, draft: EventDraft): Promise<Event>;
}

export function createSessions(
  rows: SessionRows,
  events: EventRows,
  writer: Writer,
  timestamp: () => string,
): Sessions {
  return {
    get: (sessionId) => writer.read(() => rows.get(sessionId)),
    byClient: (machine, clientId) => writer.read(() => rows.byClient(machine, clientId)),
    namedLike: (text) => writer.read(() => rows.namedLike(text)),
    present: (since) => writer.read(() => rows.present(since)),
    presence: (since) => writer.read(() => rows.presence(since)),
    register: (registration) => writer.write(() => register(rows, events, registration, timestamp())),
    touch: (sessionId) => writer.write(() => rows.touch(sessionId, timestamp())),
    saveTip: (sessionId) =>
      writer.write(() => {
        const tip = events.tip();
        rows.saveCursor(sessionId, tip);
        return tip;
      }),
    saveCursor: (sessionId, cursor) => writer.write(() => rows.saveCursor(sessionId, cursor)),
    unregister: (sessionId, draft) =>
      writer.write(() => {
        const at = timestamp();
        rows.markDeleted(sessionId, at);
        return events.insert(draft, at);
      }),
  };
}

function register(
  rows: SessionRows,
  events: EventRows,
  { origin, ...registration }: Registration,
  at: string,
): Registered {
  const { client_id } = registration;
  const known = client_id === null ? undefined : rows.byClient(registration.machine, client_id);
  if (known !== undefined) {
    const session: Session = { ...known, ...registration, last_heartbeat: at, deleted_at: null };
    rows.revive(session);
    return { session, event: null };
  }
  const session: Session = {
    ...registration,
    session_id: client_id !== null && rows.get(client_id) === undefined ? client_id : crypto.randomUUID(),
    display_id: pickDisplayId(rows.displayIdExists),
    registered_at: at,
    last_heartbeat: at,
    cursor: null,
    deleted_at: null,
  };
  rows.insert(session);
  const event = events.insert(
    {
      event_type: "session_registered",
      payload: `${session.name} started on ${session.machine} in ${session.cwd || "an unknown folder"}`,
      session_id: session.session_id,
      channel: "all",
      origin,
    },
    at,
  );
  rows.saveCursor(session.session_id, event.id);
  return { session: { ...session, cursor: event.id }, event };
}
