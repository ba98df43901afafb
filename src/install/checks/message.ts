import { randomUUID } from "node:crypto";
import { machine } from "../../config/client.ts";
import { onInterrupt } from "../../lib/interrupt.ts";
import type { Json } from "../../lib/json.ts";
import { hostOf } from "../../rpc/bus_url.ts";
import { callTool } from "../../rpc/call.ts";
import { onBus, type Place } from "./facts.ts";
import { bad, type Finding, note, ok } from "./finding.ts";

const CALL_MS = 3_000;
const WAIT_SECONDS = 3;
const what = "message";

/** The way that a message took, and its time. */
interface Proof {
  finding: Finding;
  path?: string;
  milliseconds?: number;
}

/** The doctor's identity. It finds the session even if an answer got lost. */
interface Identity extends Json {
  client_id: string;
  machine: string;
}

/** Registers a session, sends it a direct message, waits for that, and unregisters the session in any case. */
export async function proveMessage(place: Place): Promise<Proof> {
  const { kind } = await place.probe();
  if (kind !== "bus") return { finding: { what, ...note("none sent: first the problem above") } };
  const identity = { client_id: `doctor-${randomUUID()}`, machine: machine() };
  let forget = () => {};
  const interrupted = new Promise<never>((_, reject) => {
    forget = onInterrupt(() => reject(new Error("it was interrupted.")));
  });
  try {
    const proof = await Promise.race([send(place, identity), interrupted]);
    await leave(place, identity);
    return proof;
  } catch (error) {
    await leave(place, identity).catch(() => {});
    const found = `it did not arrive: ${error instanceof Error ? error.message : error}`;
    return { finding: { what, ...bad(found, onBus(place, "logs --lines 20")) } };
  } finally {
    forget();
  }
}

async function send(place: Place, identity: Identity): Promise<Proof> {
  const session = await ask(place, "register_session", { ...identity, name: "doctor", cwd: process.cwd() });
  const { session_id, cursor } = session;
  const channel = `session:${session_id}`;
  const began = performance.now();
  const read = { session_id, channel, cursor, order: "asc", wait_seconds: WAIT_SECONDS };
  const reading = ask(place, "get_events", read, CALL_MS + WAIT_SECONDS * 1000);
  // If both calls fail, only the first error counts. An unhandled second one would end the program.
  reading.catch(() => {});
  const message = { event_type: "doctor_check", payload: "doctor: does a message arrive?", channel };
  const sent = await ask(place, "publish_event", { session_id, ...message });
  const events = (await reading).events as Json[];
  const milliseconds = Number((performance.now() - began).toFixed(1));
  if (!events.some(({ id }) => id === sent.event_id))
    throw new Error(`event ${sent.event_id} was stored, and was not read within ${WAIT_SECONDS} s.`);
  const database = place.role === "server" ? place.db : `database on ${hostOf(place.url)}`;
  const path = `CLI → ${place.url} → ${database} → session ${session.display_id}`;
  return { finding: { what, ...ok(`${path}: ${milliseconds} ms`) }, path, milliseconds };
}

async function leave(place: Place, identity: Identity): Promise<void> {
  await callTool("unregister_session", identity, options(place, CALL_MS));
}

export async function ask(place: Place, tool: string, args: Json, timeoutMs = CALL_MS): Promise<Json> {
  const result = await callTool(tool, args, options(place, timeoutMs));
  if (result.error !== undefined) throw new Error(String(result.error));
  return result;
}

function options({ url, client, kept }: Place, timeoutMs: number) {
  return { url, token: client.token, keptToken: kept, timeoutMs };
}
