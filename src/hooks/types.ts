import type { HookConfig } from "../config/hook.ts";
import type { Json } from "../lib/json.ts";
import type { HookInput } from "./input.ts";
import type { Format } from "./usage.ts";

/** One event of a client's session, and the way to the bus. */
export interface SessionCall {
  input: HookInput;
  config: Pick<HookConfig, "clientPid">;
  /** This machine's name. Undefined for the machine of the bus. */
  machine: string | undefined;
  /** That machine's stable id. Undefined if it has none. */
  machineId: string | undefined;
  /** The client's id of the session. */
  clientId: string | undefined;
  /** Returns the result of a tool. Rejects when the bus does not give one in time. */
  call(tool: string, args: Json, timeoutMs?: number): Promise<Json>;
  /** Registers the session. */
  register(): Promise<unknown>;
  /** The beginning of an agent's answer, as the bus may be told. */
  lastWords(answer: string): Promise<string | undefined>;
  /** The branch of the session's folder. Null without one. */
  branch(): Promise<string | null>;
}

/** One run of a hook. */
export interface HookCall extends SessionCall {
  config: HookConfig;
  machine: string;
  format: Format;
}
