import { randomUUID } from "node:crypto";
import { machine } from "../../config/client.ts";
import type { Json } from "../../lib/json.ts";
import { type Bus, createCall } from "../../rpc/call.ts";
import { type Finding, hostOf, type Place } from "./facts.ts";

const CALL_MS = 3_000;
const WAIT_SECONDS = 3;
const what = "message";

/** What became of a message: the way that it went, and how long that took. */
export interface Proof {
  finding: Finding;
  path?: string;
  milliseconds?: number;
}

/** Who the doctor is on the bus; the bus finds the session by it, also when an answer got lost. */
interface Identity extends Json {
  client_id: string;
  machine: string;
}

/** Registers a session, sends it a direct message, waits for that, and unregisters the session, whatever happens in between. */
export async function proveMessage(place: Place): Promise<Proof> {
  const { kind } = await place.probe();
  if (kind !== "bus")
    return { finding: { what, state: "note", found: "none sent: first the problem above" } };
  const identity = { client_id: `doctor-${randomUUID()}`, machine: machine() };
  const end = new AbortController();
  try {
    const proof = await Promise.race([send(place, identity), interrupted(end.signal)]);
    await leave(place, identity);
    return proof;
  } catch (error) {
    await leave(place, identity).catch(() => {});
    const found = `it did not arrive: ${error instanceof Error ? error.message : error}`;
    return { finding: { what, state: "bad", found, repair: logsOf(place) } };
  } finally {
    end.abort();
  }
}

async function send(place: Place, identity: Identity): Promise<Proof> {
  const session = await ask(place, "register_session", { ...identity, name: "doctor", cwd: process.cwd() });
  const channel = `session:${session.session_id}`;
  const began = performance.now();
  const reading = ask(
    place,
    "get_events",
    { ...pick(session), channel, cursor: session.cursor, order: "asc", wait_seconds: WAIT_SECONDS },
    CALL_MS + WAIT_SECONDS * 1000,
  );
  // Whoever fails first is heard; the other one must not end the program.
  reading.catch(() => {});
  const message = { event_type: "doctor_check", payload: "doctor: does a message arrive?", channel };
  const sent = await ask(place, "publish_event", { ...pick(session), ...message });
  const events = (await reading).events as Json[];
  const milliseconds = Number((performance.now() - began).toFixed(1));
  if (!events.some(({ id }) => id === sent.event_id))
    throw new Error(`event ${sent.event_id} was stored, and was not read within ${WAIT_SECONDS} s.`);
  const database = place.role === "server" ? place.db : `database on ${hostOf(place.url)}`;
  const path = `CLI → ${place.url} → ${database} → session ${session.display_id}`;
  return { finding: { what, state: "ok", found: `${path}: ${milliseconds} ms` }, path, milliseconds };
}

function pick({ session_id }: Json): Json {
  return { session_id };
}

async function leave(place: Place, identity: Identity): Promise<void> {
  await createCall(busOf(place))("unregister_session", identity, CALL_MS);
}

export async function ask(place: Place, tool: string, args: Json, timeoutMs = CALL_MS): Promise<Json> {
  const result = await createCall(busOf(place))(tool, args, timeoutMs);
  if (result.error !== undefined) throw new Error(String(result.error));
  return result;
}

function busOf({ url, client, kept }: Place): Bus {
  return { url, token: client.token, keptToken: kept, streams: true };
}

function logsOf({ role, url, command }: Place): string {
  return role === "server"
    ? `${command} logs --lines 20`
    : `on ${hostOf(url)}: agent-event-bus logs --lines 20`;
}

function interrupted(until: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const stop = () => reject(new Error("it was interrupted."));
    for (const signal of ["SIGINT", "SIGTERM"] as const) {
      process.once(signal, stop);
      until.addEventListener("abort", () => process.off(signal, stop));
    }
  });
}
