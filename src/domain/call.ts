import type { Caller } from "./caller.ts";
import type { Via } from "./need.ts";

/** The call that an operation runs in. */
export interface Call {
  caller: Caller;
  /** Where the person answers. A shell if absent. */
  via?: Via;
  /** True for an agent's MCP client. Commands and scripts call tools without a handshake. */
  agent?: boolean;
  /** Aborts when the client cancels the call or goes away. */
  signal: AbortSignal;
  /** One of many calls that a page makes by itself. Only a refusal is logged. */
  repeated?: true;
  /** Tells the client that the call is alive. Both in seconds. */
  progress(elapsed: number, total: number): void;
}
