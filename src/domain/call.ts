import type { Caller } from "./caller.ts";

/** The call that an operation runs in. */
export interface Call {
  caller: Caller;
  /** True for an agent's MCP client. Commands and scripts call tools without a handshake. */
  agent?: boolean;
  /** Aborts when the client cancels the call or goes away. */
  signal: AbortSignal;
  /** Tells the client that the call is alive. Both in seconds. */
  progress(elapsed: number, total: number): void;
}
