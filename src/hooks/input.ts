import type { HookCall } from "./hook.ts";

/** What a client writes to its hook's stdin, as far as it is used. */
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
  /** Where the client writes the conversation. */
  transcript_path?: string;
  /** Set by Cursor, which runs the hooks of Claude Code's settings too. */
  conversation_id?: string;
  cursor_version?: string;
}

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

/** Reads all of stdin, or takes what is being read; nothing when it holds no JSON object, or is a terminal: a shell's prompt may ask too. */
export async function readInput(format: HookCall["format"], stdin?: Promise<string>): Promise<HookInput> {
  try {
    // Claude Code's stdin is none, and asking would cost its hooks a tenth of their time.
    if (format !== "claude" && process.getBuiltinModule("node:tty").isatty(0)) return {};
    const input = JSON.parse(await (stdin ?? readStdin()));
    const known: Record<string, unknown> = {};
    for (const [name, type] of Object.entries(FIELDS))
      if (typeof input?.[name] === type) known[name] = input[name];
    return known;
  } catch {
    return {};
  }
}

/** True if another client than Claude Code runs a hook of Claude Code's settings: those begin event names in lower case. */
export function isForeign({ cursor_version, conversation_id, hook_event_name }: HookInput): boolean {
  return (
    cursor_version !== undefined || conversation_id !== undefined || /^[a-z]/.test(hook_event_name ?? "")
  );
}

// The constant condition leaves each build its own half. Node's streams would cost a hook on Bun a fifth of its time.
async function readStdin(): Promise<string> {
  if (process.versions.bun !== undefined) return Bun.stdin.text();
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}
