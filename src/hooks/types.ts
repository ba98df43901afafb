import type { HookConfig } from "../config/hook.ts";
import type { Json } from "../lib/json.ts";
import type { HookInput } from "./input.ts";
import type { Format } from "./usage.ts";

/** One run of a hook. */
export interface HookCall {
  input: HookInput;
  config: HookConfig;
  /** This machine's name. */
  machine: string;
  format: Format;
  /** The client's id of the session. */
  clientId: string | undefined;
  /** Returns the result of a tool. Rejects when the bus does not give one in time. */
  call(tool: string, args: Json, timeoutMs?: number): Promise<Json>;
}
