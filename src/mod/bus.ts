import { parseSettings, urlIn } from "../config/parse_settings.ts";
import type { Json } from "../lib/json.ts";
import { isLoopback } from "../lib/loopback.ts";
import { MACHINE_ID_FILE, machineIdIn, SYSTEM_IDS, systemId } from "../lib/machine_id.ts";
import { answerIn, type Posted, resultOf, UNAUTHORIZED } from "../rpc/answer.ts";
import { Unreachable } from "../rpc/errors.ts";
import type { Engine } from "./engine.ts";

/** Longest wait for an answer (ms), unless the user set another. */
const CALL_MS = 1_000;

/** The bus of this machine's settings, and how it is reached. */
export interface Bus {
  url: string;
  token: string | undefined;
  /** This machine's token, for a bus here that asks for one. */
  keptToken: string | undefined;
  /** The socket of a bus on this machine. Only the user can have put it into the data directory. */
  socketPath: string | undefined;
  /** This machine's name, for a bus elsewhere. */
  machine: string | undefined;
  /** Its stable id, which the data directory keeps. Undefined without one. */
  machineId: string | undefined;
  tellsLastWords: boolean;
  /** A prompt or a tool use waits no longer for one answer (ms). */
  limitMs: number;
}

/**
 * Finds the bus as hooks do: by the environment, then by `settings.env`. `given`: the URL that the plugin was given.
 * @throws Error when none can be trusted.
 */
export async function findBus($: Engine, given?: string): Promise<Bus> {
  const data = await dataDirectory($);
  const file = `${data}/settings.env`;
  const settings = parseSettings(await textOf($, file), file);
  const url = new URL((await $.env.get("AGENT_EVENT_BUS_URL")) || given || urlIn(settings));
  if (url.pathname === "/") url.pathname = "/mcp";
  const words = (await $.env.get("AGENT_EVENT_BUS_LAST_WORDS")) || settings.AGENT_EVENT_BUS_LAST_WORDS || "";
  const limit = (await $.env.get("AGENT_EVENT_BUS_HOOK_TIMEOUT")) || settings.AGENT_EVENT_BUS_HOOK_TIMEOUT;
  const isHere = isLoopback(url.hostname);
  const keptToken = settings.AGENT_EVENT_BUS_TOKEN || (await textOf($, `${data}/token`)).trim() || undefined;
  return {
    url: url.href,
    token: (await $.env.get("AGENT_EVENT_BUS_TOKEN")) || (isHere ? undefined : keptToken),
    keptToken,
    socketPath: isHere ? await socketOf($, `${data}/${url.port || "80"}.sock`) : undefined,
    machine: isHere ? undefined : (await $.process.run(["hostname"])).stdout.trim(),
    machineId: isHere ? undefined : await machineIdOf($, data),
    tellsLastWords: !/^(0|false|no|off)$/i.test(words),
    limitMs: Number(limit) > 0 ? Number(limit) : CALL_MS,
  };
}

export async function dataDirectory($: Engine): Promise<string> {
  const home = (await $.env.get("HOME")) || (await $.env.get("USERPROFILE")) || "";
  return `${home}/.claude/contrib/agent-event-bus`;
}

async function machineIdOf($: Engine, data: string): Promise<string | undefined> {
  const texts = SYSTEM_IDS.map((path) => textOf($, path));
  const system = (await Promise.all(texts)).find((text) => text !== "") ?? "";
  return machineIdIn(await textOf($, `${data}/${MACHINE_ID_FILE}`), systemId(system));
}

/** A file's text. Empty if it cannot be read. */
export async function textOf($: Engine, file: string): Promise<string> {
  return $.fs.read(file).catch(() => "");
}

/** @throws Unreachable without a socket: the mod cannot see whose program listens on a port. */
async function socketOf($: Engine, path: string): Promise<string> {
  if (await $.fs.exists(path)) return path;
  throw new Unreachable(`There is no ${path}.`);
}

/**
 * Calls a tool of the bus and returns its result.
 * @throws Refused, Unreachable, or the engine's error if nothing answers in time.
 */
export async function callBus(
  $: Engine,
  bus: Bus,
  tool: string,
  args: Json,
  timeoutMs = bus.limitMs,
): Promise<Json> {
  const late = $.clock.sleep(timeoutMs).then(() => {
    throw new Unreachable("The bus does not answer in time.");
  });
  const posted = await Promise.race([late, post($, bus, tool, args)]);
  if (posted.status === UNAUTHORIZED && bus.token === undefined && bus.keptToken !== undefined) {
    bus.token = bus.keptToken;
    return callBus($, bus, tool, args, timeoutMs);
  }
  return resultOf(new URL(bus.url), posted);
}

async function post($: Engine, { url, token, socketPath }: Bus, tool: string, args: Json): Promise<Posted> {
  const { status, text } = await $.http.fetch(url, {
    method: "POST",
    headers: {
      accept: "application/json",
      "content-type": "application/json",
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
    },
    body: JSON.stringify({
      ...{ jsonrpc: "2.0", id: 1, method: "tools/call" },
      params: { name: tool, arguments: args },
    }),
    ...(socketPath !== undefined && { socketPath }),
  });
  return { status, text, answer: answerIn(text) };
}
