import { randomUUID } from "node:crypto";
import { thisMachine } from "../../config/machine_id.ts";
import { shownDatabase } from "../../config/server.ts";
import { onInterrupt } from "../../lib/interrupt.ts";
import type { Json } from "../../lib/json.ts";
import { hostOf } from "../../rpc/bus_url.ts";
import { type Bus, createCall } from "../../rpc/call.ts";
import { onBus, type Place } from "./facts.ts";
import { bad, type Finding, note, ok } from "./finding.ts";

const CALL_MS = 3_000;
const WAIT_SECONDS = 3;
const what = "message";

interface Proof {
  finding: Finding;
  path?: string;
  milliseconds?: number;
}

/** Registers a session, sends it a direct message, waits for that, and unregisters the session in any case. */
export async function proveMessage(place: Place): Promise<Proof> {
  const { kind } = await place.probe();
  if (kind !== "bus") return { finding: { what, ...note("skipped: fix the problem above first") } };
  // Names the session even if an answer got lost.
  const identity = { client_id: `doctor-${randomUUID()}`, ...thisMachine() };
  let forget = () => {};
  const interrupted = new Promise<never>((_, reject) => {
    forget = onInterrupt(() => reject(new Error("interrupted.")));
  });
  try {
    const proof = await Promise.race([send(place, identity), interrupted]);
    await leave(place, identity);
    return proof;
  } catch (error) {
    await leave(place, identity).catch(() => {});
    const found = `did not arrive: ${error instanceof Error ? error.message : error}`;
    return { finding: { what, ...bad(found, onBus(place, "logs --lines 20")) } };
  } finally {
    forget();
  }
}

async function send(place: Place, identity: Json): Promise<Proof> {
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
    throw new Error(`event ${sent.event_id} was stored, but not read within ${WAIT_SECONDS} s.`);
  const database = place.role === "server" ? shownDatabase(place) : `database on ${hostOf(place.url)}`;
  const path = `CLI → ${place.url} → ${database} → session ${session.display_id}`;
  return { finding: { what, ...ok(`${path}: ${milliseconds} ms`) }, path, milliseconds };
}

async function leave(place: Place, identity: Json): Promise<void> {
  await createCall(busOf(place))("unregister_session", identity, CALL_MS);
}

export async function ask(place: Place, tool: string, args: Json, timeoutMs = CALL_MS): Promise<Json> {
  return checked(await createCall(busOf(place))(tool, args, timeoutMs));
}

/** The same for a call that MCP clients cannot make. */
export async function askApi(place: Place, operation: string): Promise<Json> {
  return checked(await createCall({ ...busOf(place), api: true })(operation, {}, CALL_MS));
}

function checked(result: Json): Json {
  if (result.error !== undefined) throw new Error(String(result.error));
  return result;
}

function busOf({ url, client, kept }: Place): Bus {
  return { url, token: client.token, keptToken: kept, streams: true };
}
