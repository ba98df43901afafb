import { parseCursor } from "../domain/cursor.ts";
import type { Event, EventDraft } from "../domain/event.ts";
import type { Presence, Session } from "../domain/session.ts";
import type { ProcessMark } from "../lib/process.ts";
import type { Database, Row } from "../runtime/runtime.ts";
import type { ClaimRows } from "./claims.ts";
import type { MailRows } from "./direct_messages.ts";
import type { EventRows } from "./events.ts";
import type { Writer } from "./group_commit.ts";
import { type Registered, type Registration, register } from "./registration.ts";
import { momentOf, storedTime, wireTime, wireTimeOrNull } from "./time.ts";

export interface SessionRows {
  get(sessionId: string): Session | undefined;
  byClient(machine: string, clientId: string, pid?: number): Session | undefined;
  byProcess(machine: string, process: ProcessMark): Session | undefined;
  /** Sessions with that display_id or name, present ones and those heard of last first. */
  namedLike(text: string): Session[];
  present(since: string): Session[];
  presence(since: string): Presence[];
  displayIdExists(displayId: string): boolean;
  insert(session: Session): void;
  revive(session: Session): void;
  touch(sessionId: string, timestamp: string): void;
  /** What a hook of the session tells: at work or waiting, and until when that holds. */
  report(sessionId: string, state: Session["state"], leaseUntil: string | null, timestamp: string): void;
  saveCursor(sessionId: string, cursor: number): void;
  markDeleted(sessionId: string, timestamp: string): void;
}

const COLUMNS =
  "id, display_id, name, machine, cwd, repo, client_id, registered_at, last_heartbeat, last_cursor, deleted_at, pid, pid_started, state, lease_until";

/** Sessions not heard of for long whose process may still run: the latest of them are looked at. */
const MOST_SILENT = 500;
const HEARD = momentOf("last_heartbeat");
const LATER = `iif(${HEARD} > ${momentOf("$timestamp")}, last_heartbeat, $timestamp)`;

/** The SQL of sessions, for use inside one call or one write unit. */
export function sessionRows(db: Database): SessionRows {
  const select = (rest: string) => db.prepare(`SELECT ${COLUMNS} FROM sessions ${rest}`);
  const get = select("WHERE id = $id");
  const byClient = select(`WHERE machine = $machine AND client_id = $clientId
    ORDER BY $pid IS NOT NULL AND pid IS NOT $pid, deleted_at IS NOT NULL, ${HEARD} DESC LIMIT 1`);
  const byDisplayId = select(
    `WHERE display_id = $text ORDER BY deleted_at IS NOT NULL, ${HEARD} DESC LIMIT 100`,
  );
  const byName = select(`WHERE name = $text AND deleted_at IS NULL ORDER BY ${HEARD} DESC LIMIT 100`);
  const present = select(
    `WHERE deleted_at IS NULL AND ${HEARD} > ${momentOf("$since")} ORDER BY ${HEARD} DESC, id`,
  );
  const silentRest = `${HEARD} <= ${momentOf("$since")} ORDER BY ${HEARD} DESC, id LIMIT ${MOST_SILENT}`;
  const silent = select(`WHERE deleted_at IS NULL AND ${silentRest}`);
  const presenceOf = (rest: string) =>
    db.prepare(`SELECT id, machine, client_id, last_heartbeat, pid, pid_started, lease_until FROM sessions
      WHERE deleted_at IS NULL AND ${rest}`);
  const presence = presenceOf(`${HEARD} > ${momentOf("$since")}`);
  const silentPresence = presenceOf(silentRest);
  const displayIdExists = db.prepare("SELECT 1 FROM sessions WHERE display_id = $displayId LIMIT 1");
  const byProcess = select(`WHERE machine = $machine AND pid = $pid AND pid_started = $started
    ORDER BY deleted_at IS NOT NULL, ${HEARD} DESC LIMIT 1`);
  const insert = db.prepare(`INSERT INTO sessions (${COLUMNS})
    VALUES ($id, $displayId, $name, $machine, $cwd, $repo, $clientId, $registeredAt, $lastHeartbeat, $cursor, NULL,
      $pid, $pidStarted, $state, NULL)`);
  const revive = db.prepare(`UPDATE sessions
    SET name = $name, cwd = $cwd, repo = $repo, client_id = $clientId, last_heartbeat = $lastHeartbeat, deleted_at = NULL,
      pid = $pid, pid_started = $pidStarted, state = $state, lease_until = $leaseUntil WHERE id = $id`);
  const report = db.prepare(`UPDATE sessions SET state = $state, lease_until = $leaseUntil,
    last_heartbeat = ${LATER} WHERE id = $id`);
  const touch = db.prepare(`UPDATE sessions SET last_heartbeat = ${LATER} WHERE id = $id`);
  const saveCursor = db.prepare("UPDATE sessions SET last_cursor = $cursor WHERE id = $id");
  const markDeleted = db.prepare("UPDATE sessions SET deleted_at = $timestamp WHERE id = $id");
  const one = (row: Row | undefined) => (row === undefined ? undefined : sessionOfRow(row));

  return {
    get: (id) => one(get.get({ id })),
    byClient: (machine, clientId, pid) => one(byClient.get({ machine, clientId, pid: pid ?? null })),
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
    present: (since) => {
      const from = { since: storedTime(since) };
      return [...present.all(from), ...silent.all(from)].map(sessionOfRow);
    },
    presence: (since) => {
      const from = { since: storedTime(since) };
      return [...presence.all(from), ...silentPresence.all(from)].map((row) => ({
        session_id: String(row.id),
        deleted_at: null,
        last_heartbeat: wireTime(row.last_heartbeat),
        machine: String(row.machine),
        client_id: row.client_id === null ? null : String(row.client_id),
        process: processIn(row),
        lease_until: wireTimeOrNull(row.lease_until),
      }));
    },
    displayIdExists: (displayId) => displayIdExists.get({ displayId }) !== undefined,
    byProcess: (machine, { pid, started }) => one(byProcess.get({ machine, pid, started })),
    insert: (session) =>
      void insert.run({
        ...processOf(session),
        id: session.session_id,
        displayId: session.display_id,
        name: session.name,
        machine: session.machine,
        cwd: session.cwd,
        repo: session.repo,
        clientId: session.client_id,
        registeredAt: storedTime(session.registered_at),
        lastHeartbeat: storedTime(session.last_heartbeat),
        cursor: session.cursor === null ? null : String(session.cursor),
      }),
    revive: (session) =>
      void revive.run({
        ...processOf(session),
        id: session.session_id,
        clientId: session.client_id,
        name: session.name,
        cwd: session.cwd,
        repo: session.repo,
        lastHeartbeat: storedTime(session.last_heartbeat),
        leaseUntil: storedTime(session.lease_until),
      }),
    report: (id, state, leaseUntil, timestamp) =>
      void report.run({ id, state, leaseUntil: storedTime(leaseUntil), timestamp: storedTime(timestamp) }),
    touch: (id, timestamp) => void touch.run({ id, timestamp: storedTime(timestamp) }),
    saveCursor: (id, cursor) => void saveCursor.run({ id, cursor: String(cursor) }),
    markDeleted: (id, timestamp) => void markDeleted.run({ id, timestamp: storedTime(timestamp) }),
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
    registered_at: wireTime(row.registered_at),
    last_heartbeat: wireTime(row.last_heartbeat),
    cursor: parseCursor(optional("last_cursor")),
    deleted_at: wireTimeOrNull(row.deleted_at),
    process: processIn(row),
    state: optional("state") as Session["state"],
    lease_until: wireTimeOrNull(row.lease_until),
  };
}

function processIn({ pid, pid_started }: Row): Session["process"] {
  return pid === null ? null : { pid: Number(pid), started: String(pid_started) };
}

function processOf({
  process,
  state,
}: Session): Record<"pid" | "pidStarted" | "state", string | number | null> {
  return { pid: process?.pid ?? null, pidStarted: process?.started ?? null, state };
}

export interface Sessions {
  /** By its id, or an id that it had before. */
  get(sessionId: string): Promise<Session | undefined>;
  /** Of several, the one of that process, else a present one. */
  byClient(machine: string, clientId: string, pid?: number): Promise<Session | undefined>;
  namedLike(text: string): Promise<Session[]>;
  /** Sessions that are not unregistered, most recently active first: all heard of after `since`, and the latest others. */
  present(since: string): Promise<Session[]>;
  /** The same sessions, only as much of each as tells whether it is here. */
  presence(since: string): Promise<Presence[]>;
  /**
   * Revives the session of (machine, client_id), or of the same process under another client_id, or makes a new one with
   * its event and saved cursor, in one transaction. `alive` tells which sessions a name must not be shared with.
   */
  register(registration: Registration, alive: (session: Session) => boolean): Promise<Registered>;
  /** The session that claimed the name last, alive or not. */
  holder(name: string): Promise<Session | undefined>;
  claimsOf(sessionId: string): Promise<string[]>;
  /**
   * From here on the name is the session's, with what waits for it and what its last holder left unseen. While another
   * session that is `alive` holds it nothing changes, and that one is returned.
   */
  claim(name: string, sessionId: string, alive: (session: Session) => boolean): Promise<Session | undefined>;
  /** Records that the session was heard of. Not awaited by callers: losing one costs nothing. */
  touch(sessionId: string): Promise<void>;
  /** The same with what its hooks tell. `leaseUntil` as RFC 3339, or null. */
  report(sessionId: string, state: Session["state"], leaseUntil: string | null): Promise<void>;
  /** Saves the newest event's id as the cursor and returns it. */
  saveTip(sessionId: string): Promise<number>;
  /** Never backwards: whoever read further meanwhile stays where it is. */
  advanceCursor(sessionId: string, cursor: number): Promise<void>;
  /** The events from `from` to `to` were shown to the session: its cursor follows, never backwards, and direct messages among them are seen. */
  showed(sessionId: string, from: number, to: number): Promise<void>;
  /** Saves the cursor and counts the direct messages up to it as acknowledged. */
  acknowledge(sessionId: string, cursor: number): Promise<void>;
  unregister(sessionId: string, draft: EventDraft): Promise<Event>;
}

export interface SessionParts {
  rows: SessionRows;
  events: EventRows;
  claims: ClaimRows;
  mail: MailRows;
  writer: Writer;
  timestamp(): string;
}

export function createSessions(parts: SessionParts): Sessions {
  const { rows, events, claims, mail, writer, timestamp } = parts;
  const get = (id: string) => rows.get(claims.aliasOf(id) ?? id);
  return {
    get: (sessionId) => writer.read(() => get(sessionId)),
    byClient: (machine, clientId, pid) => writer.read(() => rows.byClient(machine, clientId, pid)),
    namedLike: (text) => writer.read(() => rows.namedLike(text)),
    present: (since) => writer.read(() => rows.present(since)),
    presence: (since) => writer.read(() => rows.presence(since)),
    register: (registration, alive) => writer.write(() => register(parts, registration, alive, timestamp())),
    holder: (name) => writer.read(() => get(claims.holder(name) ?? "")),
    claimsOf: (sessionId) => writer.read(() => claims.of(sessionId)),
    claim: (name, sessionId, alive) =>
      writer.write(() => {
        const earlier = get(claims.holder(name) ?? "");
        const other = earlier?.session_id === sessionId ? undefined : earlier;
        if (other !== undefined && alive(other)) return other;
        claims.claim(name, sessionId, timestamp());
        if (other !== undefined) mail.forward(other.session_id, sessionId);
        mail.forward(`@${name}`, sessionId);
        return undefined;
      }),
    touch: (sessionId) => writer.write(() => rows.touch(sessionId, timestamp())),
    report: (sessionId, state, leaseUntil) =>
      writer.write(() => rows.report(sessionId, state, leaseUntil, timestamp())),
    saveTip: (sessionId) =>
      writer.write(() => {
        const tip = events.tip();
        rows.saveCursor(sessionId, tip);
        return tip;
      }),
    advanceCursor: (sessionId, cursor) =>
      writer.write(() => {
        if (cursor > (rows.get(sessionId)?.cursor ?? 0)) rows.saveCursor(sessionId, cursor);
      }),
    showed: (sessionId, from, to) =>
      writer.write(() => {
        if (to > (rows.get(sessionId)?.cursor ?? 0)) rows.saveCursor(sessionId, to);
        mail.seeRange(sessionId, from, to, timestamp());
      }),
    acknowledge: (sessionId, cursor) =>
      writer.write(() => {
        rows.saveCursor(sessionId, cursor);
        mail.ack(sessionId, cursor, timestamp());
      }),
    unregister: (sessionId, draft) =>
      writer.write(() => {
        const at = timestamp();
        rows.markDeleted(sessionId, at);
        return events.insert(draft, at);
      }),
  };
}
