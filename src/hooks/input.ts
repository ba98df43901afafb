import { readStdin } from "../runtime/stdio.ts";

/** The fields that hooks use of a client's input, with their types. A field of another type counts as absent. */
const FIELDS = {
  session_id: "string",
  cwd: "string",
  session_title: "string",
  /** The turn goes on already because of a Stop hook. */
  stop_hook_active: "boolean",
  /** Set inside a subagent. */
  agent_id: "string",
  /** The reason why a session ended. */
  reason: "string",
  hook_event_name: "string",
  /** The text that a turn begins with. `source`: who began it, in later clients. */
  prompt: "string",
  source: "string",
  /** Set after the use of a tool. */
  tool_name: "string",
  /** The client's file of the conversation. */
  transcript_path: "string",
  /** Set by Cursor, which runs the hooks of Claude Code's settings too. */
  conversation_id: "string",
  cursor_version: "string",
} as const;

export type HookInput = {
  [Name in keyof typeof FIELDS]?: (typeof FIELDS)[Name] extends "boolean" ? boolean : string;
} & {
  /** The command line that a tool ran. */
  command?: string;
};

/** Reads the input of a hook. Empty if stdin holds no JSON object, or is a terminal, as in the prompt of a shell. */
export async function readInput(mayBeTerminal: boolean): Promise<HookInput> {
  try {
    // Asking takes a tenth of a hook's time.
    if (mayBeTerminal && process.getBuiltinModule("node:tty").isatty(0)) return {};
    const input = JSON.parse((await readStdin()).trimStart());
    const known: Record<string, unknown> = {};
    for (const [name, type] of Object.entries(FIELDS))
      if (typeof input?.[name] === type) known[name] = input[name];
    if (typeof input?.tool_input?.command === "string") known.command = input.tool_input.command;
    return known;
  } catch {
    return {};
  }
}

/** True if another client runs a hook of Claude Code's settings. Its event names begin in lower case. */
export function isForeign({ cursor_version, conversation_id, hook_event_name }: HookInput): boolean {
  return (
    cursor_version !== undefined || conversation_id !== undefined || /^[a-z]/.test(hook_event_name ?? "")
  );
}
