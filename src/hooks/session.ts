import type { Json } from "../lib/json.ts";
import { bounded, type HookInput, isAutomatic, titleOf } from "./input.ts";
import type { Batch } from "./text.ts";
import type { SessionCall } from "./types.ts";

const MOST_EVENTS = 20;
const MARGIN_SECONDS = 15;
/** True if the user goes on in the same process. The session that starts next takes this one over. */
export function goesOn({ reason = "" }: HookInput): boolean {
  return reason === "clear" || reason === "resume";
}

/** The answer of `collect_events`. */
interface Collected extends Batch {
  /** The bus does not know the session. */
  unknown?: true;
  /** The session is at work again, or has a newer waiter. */
  left?: boolean;
  /** A mod carries the session, and no call of it waits. */
  unheld?: boolean;
  /** The bus stops. */
  stops?: boolean;
}

/** The arguments by which the bus finds the session. */
export function identityOf(run: SessionCall): Json {
  const { clientId, config } = run;
  return {
    client_id: clientId,
    ...machineIn(run),
    ...(config.clientPid !== undefined && { pid: config.clientPid }),
  };
}

/** The fields by which the bus knows the session's machine. None for the machine of the bus. */
export function machineIn({ machine, machineId }: Pick<SessionCall, "machine" | "machineId">): Json {
  return {
    ...(machine !== undefined && { machine }),
    ...(machineId !== undefined && { machine_id: machineId }),
  };
}

/** The session that a hook or the mod runs for, as the bus knows it. */
export class HookSession {
  readonly #run: SessionCall;
  readonly #identity: Json;

  constructor(run: SessionCall) {
    this.#run = run;
    this.#identity = identityOf(run);
  }

  /**
   * Takes at most `most` of what is unread. 0 only tells the bus what the hook knows. Registers the session first if the bus
   * does not know it. Null without a session.
   */
  async collect(path: "prompt" | "tool" | "stop", most = MOST_EVENTS): Promise<Collected | null> {
    if (this.#run.clientId === undefined) return null;
    const args = { path, limit: most, ...(await work(this.#run, path)) };
    const batch = await this.#collectEvents(args);
    if (batch.unknown !== true) return batch;
    await this.#run.register();
    return this.#collectEvents(args);
  }

  /**
   * Waits for events that wake a session, which has been idle for `idleMs`. `stays`: even if a mod carries it, unless a call
   * of the mod waits. Null if the bus does not know the session.
   */
  async waitFor(seconds: number, idleMs: number, stays = false): Promise<Collected | null> {
    if (this.#run.clientId === undefined) return null;
    const waiting = {
      path: "wake",
      wait_seconds: seconds,
      running_ms: Math.round(idleMs),
      ...(stays && { stays }),
      ...(await words(this.#run)),
    };
    const timeoutMs = (seconds + MARGIN_SECONDS) * 1000;
    const batch = await this.#collectEvents({ ...waiting, ...(await branch(this.#run)) }, timeoutMs);
    return batch.unknown === true ? null : batch;
  }

  async #collectEvents(args: Json, timeoutMs?: number): Promise<Collected> {
    const wanted = { ...this.#identity, limit: MOST_EVENTS, digests: true, ...args };
    return (await this.#run.call("collect_events", wanted, timeoutMs)) as unknown as Collected;
  }

  /** Confirms that the first `count` events of a batch were shown, in a text of `bytes`. */
  confirm(batch: Batch, count: number, path: string, bytes: number): Promise<Json> {
    const shown = { ...this.#identity, ...confirmation(batch, count), path, bytes };
    return this.#run.call("confirm_events", shown);
  }

  /** Leaves a batch unread: it is offered again. */
  leave({ session_id, events, more }: Batch, path: string): Promise<Json> {
    return this.confirm({ session_id, events, more }, 0, path, 0);
  }

  /** The id by which the bus knows the session. Undefined if it does not know it. */
  async id(timeoutMs?: number): Promise<string | undefined> {
    const nothing = { ...this.#identity, event_ids: [] };
    return (await this.#run.call("confirm_events", nothing, timeoutMs)).session_id as string | undefined;
  }

  /** Unregisters the session of a client that ends. */
  async end(): Promise<void> {
    const { input, clientId, call } = this.#run;
    if (clientId === undefined || goesOn(input)) return;
    // Uses its own id, because another process of the client may have a session under the same client_id.
    const session_id = await this.id();
    if (session_id !== undefined) await call("unregister_session", { session_id });
  }
}

/** The branch of the session's folder. Only the waiter tells it, because reading it would slow the other hooks. */
async function branch(run: SessionCall): Promise<Json> {
  const name = await run.branch();
  return name === null ? {} : { branch: bounded(name) };
}

/** The part of a report that only this hook knows. */
async function work(run: SessionCall, path: string): Promise<Json> {
  const { input } = run;
  if (path === "tool") return isOfBus(input) ? { bus_tool: true } : {};
  if (path === "stop") return words(run);
  const title = path === "prompt" ? titleOf(input) : undefined;
  return {
    ...(title !== undefined && { title }),
    ...(path === "prompt" && isAutomatic(input) && { automatic: true }),
  };
}

/** The last words of a turn that ends. */
async function words({ input, lastWords }: SessionCall): Promise<Json> {
  const { last_assistant_message: answer } = input;
  const last_words = answer === undefined ? undefined : await lastWords(answer);
  return last_words === undefined ? {} : { last_words };
}

/** True for a tool of the bus, its command in a shell, and the search for a tool: they are no sign of other work. */
function isOfBus({ tool_name = "", tool_input }: HookInput): boolean {
  return BUS_TOOL.test(tool_name) || BUS_COMMAND.test(String(tool_input?.command ?? ""));
}

/** The bus's own tools, as an MCP server of its name or of a plugin of its name. */
const BUS_TOOL = /^(mcp__(plugin_)?agent-event-bus_|ToolSearch$)/;
const BUS_COMMAND = /^\s*(?:'[^']*|"[^"]*|\S*)agent-event-bus['"]?(?:\s|$)/;

function confirmation({ events, seen_to, cursor = seen_to }: Batch, count: number): Json {
  const left = events.slice(count);
  const next = left.find(({ channel }) => !channel.startsWith("session:"));
  const unshown = left.filter(({ repeat }) => !repeat);
  return {
    event_ids: idsOf(events.slice(0, count)),
    ...(unshown.length > 0 && { unshown: idsOf(unshown) }),
    ...(cursor !== undefined && { cursor: String(next === undefined ? cursor : next.id - 1) }),
  };
}

function idsOf(events: readonly { id: number }[]): string[] {
  return events.map(({ id }) => String(id));
}
