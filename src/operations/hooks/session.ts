import type { Bus } from "../../domain/context.ts";
import type { Session } from "../../domain/session.ts";
import type { Json } from "../../lib/json.ts";
import type { Param } from "../../lib/param.ts";
import { MACHINE } from "../params.ts";

/** How a hook names its session: by the client's own id, and the machine that it runs on. */
export const HOOK_SESSION = {
  client_id: { type: "text", min: 1, max: "id_bytes", about: "The client's id of its session" },
  machine: MACHINE,
  pid: { type: "integer", optional: true, min: 1, max: 2 ** 31, about: "The client's process" },
} as const satisfies Record<string, Param>;

/**
 * The registered session of a hook's client; undefined when it has to be registered (again). Two processes of a client can
 * have the same id: each has its own session.
 */
export async function hookSession(
  bus: Bus,
  { client_id, machine, pid }: { client_id: string; machine: string | undefined; pid: number | undefined },
): Promise<Session | undefined> {
  const { sessions } = bus.store;
  const where = machine || bus.host;
  const session = (await sessions.byClient(where, client_id, pid)) ?? (await sessions.get(client_id));
  if (session === undefined || session.deleted_at !== null || session.machine !== where) return undefined;
  const another = pid !== undefined && session.process !== null && session.process.pid !== pid;
  return another ? undefined : session;
}

export const UNKNOWN: Json = { unknown: true };

const BUSY_LEASE_MS = 30 * 60 * 1000;
const IDLE_LEASE_MS = 5 * 60 * 1000;

/** Notes what a hook tells of its session; the caller does not wait for it. A session elsewhere gets a new lease. */
export function report(bus: Bus, session: Session, state: "busy" | "idle"): void {
  const ms = state === "busy" ? BUSY_LEASE_MS : IDLE_LEASE_MS;
  const lease = session.machine === bus.host ? null : new Date(bus.now() + ms).toISOString();
  bus.store.sessions
    .report(session.session_id, state, lease)
    .catch((error) => bus.warn(`the state of ${session.display_id} was not saved: ${error}`));
}
