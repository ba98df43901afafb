import type { Machine } from "../domain/machine.ts";
import type { Session } from "../domain/session.ts";
import { composed, formsOf } from "../lib/unicode_form.ts";
import { type Named, type Row, statements } from "./connection.ts";

const COLUMNS =
  "id, display_id, name, machine, machine_id, seen_on, origin, cwd, repo, client_id, registered_at, last_heartbeat, last_cursor, deleted_at, pid, pid_started, state, lease_until, branch, wake, muted_until, title, worked_at, last_words, state_since, rung, rung_until, read_until";
/** Sessions that were not heard of for long, but whose process may still run: the latest of them are looked at. */
const MOST_SILENT = 500;
const SELECT = `SELECT ${COLUMNS} FROM sessions`;
/** The sessions of a machine, as `isOf` in the domain tells them. */
const OF_MACHINE =
  "(machine_id = $machineId OR (machine = $machine AND (machine_id IS NULL OR NOT $exact::boolean)))";
const LATEST = "deleted_at IS NOT NULL, last_heartbeat DESC";

export const SQL = statements({
  find: `${SELECT} WHERE id = $id`,
  byAnyId: `${SELECT} WHERE id = coalesce((SELECT session_id FROM aliases WHERE alias = $id), $id)`,
  byClient: `${SELECT} WHERE client_id = $clientId AND ${OF_MACHINE}
    ORDER BY $pid::bigint IS NOT NULL AND pid IS DISTINCT FROM $pid::bigint, $exact::boolean AND machine_id IS NULL,
      ${LATEST} LIMIT 1`,
  ofClient: `${SELECT} WHERE client_id = $clientId ORDER BY ${LATEST} LIMIT 100`,
  byProcess: `${SELECT} WHERE pid = $pid AND pid_started = $started AND (${OF_MACHINE} OR seen_on = $watcher::text
      OR ($watcher::text IS NOT NULL AND seen_on IS NULL AND machine_id IS NULL)) ORDER BY ${LATEST} LIMIT 1`,
  byDisplayId: `${SELECT} WHERE display_id = $text ORDER BY ${LATEST} LIMIT 100`,
  byName: `${SELECT} WHERE name = ANY($forms::text[]) AND deleted_at IS NULL ORDER BY last_heartbeat DESC LIMIT 100`,
  idsOf: `SELECT id FROM sessions WHERE id = $text UNION SELECT id FROM sessions WHERE display_id = $text
    UNION SELECT id FROM sessions WHERE name = ANY($forms::text[]) UNION SELECT session_id FROM aliases WHERE alias = $text`,
  aliasesOf: "SELECT alias FROM aliases WHERE session_id = ANY($ids::text[])",
  present: `${SELECT} WHERE deleted_at IS NULL AND last_heartbeat > $since ORDER BY last_heartbeat DESC, id COLLATE "C"`,
  recent: `${SELECT} WHERE deleted_at IS NULL ORDER BY last_heartbeat DESC LIMIT $limit`,
  repos: `SELECT DISTINCT repo FROM (SELECT repo FROM sessions ORDER BY entry DESC LIMIT $limit) AS latest`,
  silent: `${SELECT} WHERE deleted_at IS NULL AND last_heartbeat <= $since
    ORDER BY last_heartbeat DESC, id COLLATE "C" LIMIT ${MOST_SILENT}`,
  ahead: "SELECT 1 FROM sessions WHERE deleted_at IS NULL AND last_heartbeat > $at LIMIT 1",
  settle: `UPDATE sessions SET last_heartbeat = $at, lease_until = least(lease_until, $lease)
    WHERE deleted_at IS NULL AND last_heartbeat > $at`,
  hasDisplayId: "SELECT 1 FROM sessions WHERE display_id = $displayId LIMIT 1",
  insert: `INSERT INTO sessions (${COLUMNS})
    VALUES ($id, $displayId, $name, $machine, $machineId, $seenOn, $origin, $cwd, $repo, $clientId, $registeredAt, $lastHeartbeat, $cursor, NULL,
      $pid, $pidStarted, $state, NULL, $branch, NULL, 0, $title, 0, NULL, $stateSince, NULL, 0, NULL)`,
  revive: `UPDATE sessions
    SET name = $name, machine = $machine, machine_id = $machineId, seen_on = $seenOn, origin = $origin, cwd = $cwd, repo = $repo, client_id = $clientId, last_heartbeat = $lastHeartbeat, deleted_at = NULL,
      pid = $pid, pid_started = $pidStarted, state = $state, lease_until = $leaseUntil,
      state_since = $stateSince, rung = $rung, rung_until = $rungUntil,
      branch = coalesce($branch, branch), title = $title WHERE id = $id`,
  report: `UPDATE sessions SET state = $state,
      state_since = CASE WHEN state IS NOT DISTINCT FROM $state THEN state_since ELSE $at::timestamptz END,
      lease_until = $leaseUntil, last_heartbeat = greatest(last_heartbeat, $at::timestamptz),
      branch = coalesce($branch, branch), machine = coalesce($machine, machine),
      machine_id = coalesce(machine_id, $machineId), worked_at = coalesce($workedAt, worked_at),
      last_words = coalesce($lastWords, last_words), read_until = greatest(read_until, $readUntil::bigint) WHERE id = $id`,
  attend: `UPDATE sessions SET wake = CASE WHEN $keepsWake::boolean THEN wake ELSE $wake END,
      muted_until = coalesce($mutedUntil, muted_until) WHERE id = $id`,
  carry: "UPDATE sessions SET rung = 'mod', rung_until = $until WHERE id = $id",
  touch: "UPDATE sessions SET last_heartbeat = greatest(last_heartbeat, $at::timestamptz) WHERE id = $id",
  saveCursor: "UPDATE sessions SET last_cursor = $cursor WHERE id = $id",
  advance: "UPDATE sessions SET last_cursor = greatest(last_cursor, $cursor) WHERE id = $id",
  markDeleted: "UPDATE sessions SET deleted_at = $at, rung = NULL, rung_until = 0 WHERE id = $id",
  holder: `${SELECT} WHERE id = (SELECT coalesce((SELECT session_id FROM aliases WHERE alias = claims.session_id), claims.session_id)
    FROM claims WHERE name = ANY($forms::text[]) ORDER BY name = $text DESC LIMIT 1)`,
  namesOf: `SELECT session_id, name FROM claims WHERE session_id = ANY($ids::text[]) ORDER BY name COLLATE "C"`,
  claimForms: "UPDATE claims SET session_id = $sessionId, claimed_at = $at WHERE name = ANY($forms::text[])",
  claim: `INSERT INTO claims (name, session_id, claimed_at) VALUES ($text, $sessionId, $at)
    ON CONFLICT (name) DO UPDATE SET session_id = $sessionId, claimed_at = $at`,
  hasAlias: "SELECT 1 FROM aliases WHERE alias = $id",
  addAlias: `INSERT INTO aliases (alias, session_id) VALUES ($alias, $sessionId)
    ON CONFLICT (alias) DO UPDATE SET session_id = $sessionId`,
  moveAliases: "UPDATE aliases SET session_id = $to WHERE session_id = $from",
  moveClaims: "UPDATE claims SET session_id = $to WHERE session_id = $from",
  dropAlias: "DELETE FROM aliases WHERE alias = $alias",
});

/** Parameters that find a name in whatever form the database holds it. */
export function nameParams(text: string): { text: string; forms: string[] } {
  return { text: composed(text), forms: formsOf(text) };
}

/** A machine, as the statements ask for it. */
export function machineParams({ name, id, exact }: Machine): Named {
  return { machine: name, machineId: id, exact };
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
    lastHeartbeat: session.last_heartbeat,
    pid: session.process?.pid ?? null,
    pidStarted: session.process?.started ?? null,
    state: session.state,
    stateSince: session.state_since,
    branch: session.branch,
    title: session.title,
  };
}

export function sessionOfRow({ id, last_cursor, pid, pid_started, ...row }: Row): Session {
  const process = pid === null ? null : { pid, started: pid_started };
  const [name, repo] = [composed(String(row.name)), composed(String(row.repo))];
  return { ...row, name, repo, session_id: id, cursor: last_cursor, process } as unknown as Session;
}
