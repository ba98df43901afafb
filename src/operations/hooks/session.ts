import { type Bus, here } from "../../domain/context.ts";
import { dialogWait } from "../../domain/dialogs.ts";
import { isOf, type Machine, machineOf, type StatedMachine } from "../../domain/machine.ts";
import { MOD_LEASE_MS, rungOf } from "../../domain/rung.ts";
import { LONGEST_LEASE_MS, type Session, sees } from "../../domain/session.ts";
import type { Report } from "../../domain/store.ts";
import type { Json } from "../../lib/json.ts";
import type { Param } from "../../lib/param.ts";
import { MACHINE, MACHINE_ID } from "../params.ts";

/** Parameters by which a hook names its session. */
export const HOOK_SESSION = {
  client_id: { type: "text", min: 1, max: "id_bytes", about: "Id that the client gave its session" },
  machine: MACHINE,
  machine_id: MACHINE_ID,
  branch: { type: "text", optional: true, max: "name_bytes", about: "Branch of the session" },
  pid: { type: "integer", optional: true, min: 1, max: 2 ** 31, about: "The client's process" },
  mod: {
    type: "boolean",
    optional: true,
    about: "The caller is a mod inside the client. False if it leaves the session to a waiter",
  },
} as const satisfies Record<string, Param>;

interface Identity {
  client_id: string;
  machine: string | undefined;
  machine_id: string | undefined;
  pid: number | undefined;
  mod: boolean | undefined;
}

/**
 * The session of a hook's client, whose lease a mod renews. Undefined if it has to be registered (again). Two processes of
 * a client with the same id have a session each.
 */
export async function hookSession(bus: Bus, identity: Identity): Promise<Session | undefined> {
  const session = await findSession(bus, identity);
  if (session === undefined || identity.mod === undefined) return session;
  if (identity.mod) await carry(bus, session);
  else if (session.rung_until > 0) await bus.store.sessions.carry(session.session_id, 0);
  return session;
}

async function findSession(bus: Bus, { client_id, pid, ...stated }: Identity): Promise<Session | undefined> {
  const { sessions } = bus.store;
  const machine = machineOf(bus, stated);
  const session = (await sessions.byClient(machine, client_id, pid)) ?? (await sessions.get(client_id));
  if (session === undefined || session.deleted_at !== null || !isOf(session, machine)) return undefined;
  const another = pid !== undefined && session.process !== null && session.process.pid !== pid;
  return another ? undefined : session;
}

/** The machine that a hook states by name and id. Undefined for a hook that does not know both. */
export function statedMachine(bus: Bus, stated: StatedMachine): Machine | undefined {
  const machine = machineOf(bus, stated);
  return machine.exact && stated.machine ? machine : undefined;
}

/** Gives a session to its mod. Waits for that only if another rung carries the session, because the mod works in a turn. */
export async function carry(bus: Bus, session: Session): Promise<void> {
  const saved = bus.store.sessions
    .carry(session.session_id, bus.now() + MOD_LEASE_MS)
    .catch((error) => bus.warn(`could not save the mod's lease of ${session.display_id}: ${error}`));
  if (rungOf(session, here(bus)) !== "mod") await saved;
}

/** Ends what is known of a session's dialogs, because it was heard of. A hook that still sees one tells again. */
export function endDialogs({ dialogs, subscriptions }: Bus, { session_id }: Session): void {
  if (dialogs.end(session_id)) subscriptions.refresh(dialogWait(session_id));
}

export const UNKNOWN: Json = { unknown: true };

const IDLE_LEASE_MS = 5 * 60 * 1000;

/**
 * Saves the state that a hook reports, without waiting for it. A session whose process this bus does not see gets a new lease.
 */
export function report(
  bus: Bus,
  session: Session,
  state: "busy" | "idle",
  {
    works = false,
    ...told
  }: Partial<Pick<Report, "branch" | "machine" | "works" | "lastWords" | "readMsAgo">> = {},
): void {
  const ms = state === "busy" ? LONGEST_LEASE_MS : IDLE_LEASE_MS;
  const leaseUntil = sees(bus, session) ? null : new Date(bus.now() + ms).toISOString();
  bus.store.sessions
    .report(session.session_id, { state, leaseUntil, works, ...told })
    .catch((error) => bus.warn(`could not save the state of ${session.display_id}: ${error}`));
}

const MOST_REMEMBERED = 10_000;

/** Ends waiters that began before now, even those that have not asked yet. The other buses are told at the start of work. */
export function noteWork(bus: Bus, { session_id, state }: Session, begins: boolean): void {
  if (bus.atWork.size > MOST_REMEMBERED) bus.atWork.clear();
  bus.atWork.set(session_id, performance.now());
  if (begins || state !== "busy") bus.store.peers.tell({ does: "work", key: session_id });
}

/** The client of a session that stopped goes on with what it was shown. */
export function goOn(bus: Bus, session: Session): void {
  bus.subscriptions.dismiss(session.session_id);
  noteWork(bus, session, true);
  report(bus, session, "busy");
}
