import { readStdin } from "../runtime/stdio.ts";
import type { Format, HookInput } from "./types.ts";

/** A field of another type counts as absent. */
const FIELDS = {
  session_id: "string",
  cwd: "string",
  session_title: "string",
  stop_hook_active: "boolean",
  agent_id: "string",
  reason: "string",
  hook_event_name: "string",
  transcript_path: "string",
  conversation_id: "string",
  cursor_version: "string",
} as const satisfies Record<keyof HookInput, string>;

/** Reads the input of a hook. Empty if stdin holds no JSON object, or is a terminal, as in the prompt of a shell. */
export async function readInput(format: Format): Promise<HookInput> {
  try {
    // Claude Code's stdin is never a terminal, and asking takes a tenth of a hook's time.
    if (format !== "claude" && process.getBuiltinModule("node:tty").isatty(0)) return {};
    const input = JSON.parse(await readStdin());
    const known: Record<string, unknown> = {};
    for (const [name, type] of Object.entries(FIELDS))
      if (typeof input?.[name] === type) known[name] = input[name];
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
