import { parseCursor } from "../domain/cursor.ts";
import type { Machine } from "../domain/machine.ts";
import type { Session } from "../domain/session.ts";
import type { Report } from "../domain/store.ts";
import { composed } from "../lib/unicode_form.ts";
import type { Named, Row } from "../runtime/runtime.ts";
import { momentOf, storedTime, wireTime, wireTimeOrNull } from "./time.ts";

const COLUMNS =
  "id, display_id, name, machine, machine_id, seen_on, origin, cwd, repo, client_id, registered_at, last_heartbeat, last_cursor, deleted_at, pid, pid_started, state, lease_until, branch, wake, muted_until, title, worked_at, last_words, state_since, rung, rung_until, read_until";
/** Sessions that were not heard of for long, but whose process may still run: the latest of them are looked at. */
const MOST_SILENT = 500;
const HEARD = momentOf("last_heartbeat");
const SINCE = momentOf("$since");
const LATER = `iif(${HEARD} > ${momentOf("$at")}, last_heartbeat, $at)`;
const SELECT = `SELECT ${COLUMNS} FROM sessions`;
/** The sessions of a machine, as `isOf` in the domain tells them. */
const OF_MACHINE = "(machine_id = $machineId OR (machine = $machine AND (machine_id IS NULL OR NOT $exact)))";

export const SQL = {
  find: `${SELECT} WHERE id = $id`,
  byClient: `${SELECT} WHERE client_id = $clientId AND ${OF_MACHINE}
    ORDER BY $pid IS NOT NULL AND pid IS NOT $pid, $exact AND machine_id IS NULL, deleted_at IS NOT NULL, ${HEARD} DESC LIMIT 1`,
  ofClient: `${SELECT} WHERE client_id = $clientId ORDER BY deleted_at IS NOT NULL, ${HEARD} DESC LIMIT 100`,
  byProcess: `${SELECT} WHERE pid = $pid AND pid_started = $started
    AND (${OF_MACHINE} OR seen_on = $watcher OR ($watcher IS NOT NULL AND seen_on IS NULL AND machine_id IS NULL))
    ORDER BY deleted_at IS NOT NULL, ${HEARD} DESC LIMIT 1`,
  byDisplayId: `${SELECT} WHERE display_id = $text ORDER BY deleted_at IS NOT NULL, ${HEARD} DESC LIMIT 100`,
  byName: `${SELECT} WHERE name IN ($text, $other) AND deleted_at IS NULL ORDER BY ${HEARD} DESC LIMIT 100`,
  idsOf: `SELECT id FROM sessions WHERE id = $text UNION SELECT id FROM sessions WHERE display_id = $text
    UNION SELECT id FROM sessions WHERE name IN ($text, $other) UNION SELECT session_id FROM aliases WHERE alias = $text`,
  present: `${SELECT} WHERE deleted_at IS NULL AND ${HEARD} > ${SINCE} ORDER BY ${HEARD} DESC, id`,
  recent: `${SELECT} WHERE deleted_at IS NULL AND ${HEARD} > 0 ORDER BY ${HEARD} DESC LIMIT $limit`,
  // Rows are never removed, so that the latest have the highest numbers.
  repos: "SELECT DISTINCT repo FROM sessions WHERE rowid > (SELECT max(rowid) FROM sessions) - $limit",
  silent: `${SELECT} WHERE deleted_at IS NULL AND ${HEARD} <= ${SINCE}
    ORDER BY ${HEARD} DESC, id LIMIT ${MOST_SILENT}`,
  hasDisplayId: "SELECT 1 FROM sessions WHERE display_id = $displayId LIMIT 1",
  insert: `INSERT INTO sessions (${COLUMNS})
    VALUES ($id, $displayId, $name, $machine, $machineId, $seenOn, $origin, $cwd, $repo, $clientId, $registeredAt, $lastHeartbeat, $cursor, NULL,
      $pid, $pidStarted, $state, NULL, $branch, NULL, 0, $title, 0, NULL, $stateSince, NULL, 0, NULL)`,
  revive: `UPDATE sessions
    SET name = $name, machine = $machine, machine_id = $machineId, seen_on = $seenOn, origin = $origin, cwd = $cwd, repo = $repo, client_id = $clientId, last_heartbeat = $lastHeartbeat, deleted_at = NULL,
      pid = $pid, pid_started = $pidStarted, state = $state, lease_until = $leaseUntil,
      state_since = $stateSince, rung = $rung, rung_until = $rungUntil,
      branch = COALESCE($branch, branch), title = $title WHERE id = $id`,
  report: `UPDATE sessions SET state = $state, state_since = iif(state IS $state, state_since, $at), lease_until = $leaseUntil, last_heartbeat = ${LATER},
      branch = COALESCE($branch, branch), machine = COALESCE($machine, machine),
      machine_id = COALESCE(machine_id, $machineId), worked_at = COALESCE($workedAt, worked_at),
      last_words = COALESCE($lastWords, last_words),
      read_until = COALESCE(max(read_until, $readUntil), $readUntil, read_until) WHERE id = $id`,
  attend: `UPDATE sessions SET wake = iif($keepsWake, wake, $wake), muted_until = COALESCE($mutedUntil, muted_until)
    WHERE id = $id`,
  carry: "UPDATE sessions SET rung = 'mod', rung_until = $until WHERE id = $id",
  touch: `UPDATE sessions SET last_heartbeat = ${LATER} WHERE id = $id`,
  saveCursor: "UPDATE sessions SET last_cursor = $cursor WHERE id = $id",
  markDeleted: "UPDATE sessions SET deleted_at = $at, rung = NULL, rung_until = 0 WHERE id = $id",
};

/** Parameters that find a name in the form in which a database holds it. */
export function eitherForm(text: string): { text: string; other: string } {
  return { text: composed(text), other: text.normalize("NFD") };
}

/** The columns that a client states whenever it registers. */
export function statedOf(session: Session): Named {
  return {
    id: session.session_id,
    name: session.name,
    machine: session.machine,
    machineId: session.machine_id,
    seenOn: session.seen_on,
    origin: session.origin,
    cwd: session.cwd,
    repo: session.repo,
    clientId: session.client_id,
    lastHeartbeat: storedTime(session.last_heartbeat),
    pid: session.process?.pid ?? null,
    pidStarted: session.process?.started ?? null,
    state: session.state,
    stateSince: storedTime(session.state_since),
    branch: session.branch,
    title: session.title,
  };
}

/** The columns that a report of hooks changes. Null leaves one as it is. */
export function reportedOf({ machine, works, readMsAgo, ...told }: Report, now: number): Named {
  return {
    state: told.state,
    leaseUntil: storedTime(told.leaseUntil),
    branch: told.branch ?? null,
    lastWords: told.lastWords ?? null,
    machine: machine?.name ?? null,
    machineId: machine?.id ?? null,
    workedAt: works ? now : null,
    readUntil: readMsAgo === undefined ? null : Math.max(0, now - readMsAgo),
  };
}

/** A machine as the statements name it. */
export function machineParams({ name, id, exact }: Machine): Named {
  return { machine: name, machineId: id ?? null, exact: exact ? 1 : 0 };
}

export function sessionOfRow({ id, last_cursor, pid, pid_started, ...row }: Row): Session {
  const changed = {
    session_id: id,
    name: composed(String(row.name)),
    repo: composed(String(row.repo)),
    registered_at: wireTime(row.registered_at),
    last_heartbeat: wireTime(row.last_heartbeat),
    cursor: parseCursor(last_cursor as string | null),
    deleted_at: wireTimeOrNull(row.deleted_at),
    process: pid === null ? null : { pid, started: pid_started },
    lease_until: wireTimeOrNull(row.lease_until),
    state_since: wireTimeOrNull(row.state_since),
  };
  return { ...row, ...changed } as unknown as Session;
}
