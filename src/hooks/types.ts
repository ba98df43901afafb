import type { HookConfig } from "../config/hook.ts";
import type { Json } from "../lib/json.ts";

/** The fields that hooks use of what a client writes to their stdin. */
export interface HookInput {
  session_id?: string;
  cwd?: string;
  session_title?: string;
  /** The turn goes on already because of a Stop hook. */
  stop_hook_active?: boolean;
  /** Set inside a subagent. */
  agent_id?: string;
  /** Why a session ended. */
  reason?: string;
  hook_event_name?: string;
  /** The client's file of the conversation. */
  transcript_path?: string;
  /** Set by Cursor, which runs the hooks of Claude Code's settings too. */
  conversation_id?: string;
  cursor_version?: string;
}

export type Format = "claude" | "plain" | "json";

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
