import { beginning } from "../lib/graphemes.ts";
import type { Json } from "../lib/json.ts";

/** The fields that hooks use of a client's input, with their types. A field of another type counts as absent. */
const FIELDS = {
  session_id: "string",
  cwd: "string",
  session_title: "string",
  prompt: "string",
  /** Who prompted, which older clients do not say. At a start: how it came about. */
  source: "string",
  /** The turn goes on already because of a Stop hook. */
  stop_hook_active: "boolean",
  /** Set inside a subagent. */
  agent_id: "string",
  /** The agent's answer at the end of a turn. */
  last_assistant_message: "string",
  /** The reason why a session ended. */
  reason: "string",
  hook_event_name: "string",
  /** Set before and after the use of a tool. */
  tool_name: "string",
  tool_input: "object",
  /** The text of a notification. */
  message: "string",
  notification_type: "string",
  /** The watched file that changed, and how: `add`, `change` or `unlink`. */
  file_path: "string",
  event: "string",
  /** The client's file of the conversation. */
  transcript_path: "string",
  /** Set by Cursor, which runs the hooks of Claude Code's settings too. */
  conversation_id: "string",
  cursor_version: "string",
} as const;

export type HookInput = {
  [Name in keyof typeof FIELDS]?: TypeOf[(typeof FIELDS)[Name]];
};

interface TypeOf {
  string: string;
  boolean: boolean;
  object: Json;
}

/** The known fields of a client's input. */
export function knownFields(input: Json | null | undefined): HookInput {
  const known: Record<string, unknown> = {};
  for (const [name, type] of Object.entries(FIELDS))
    if (typeof (input?.[name] ?? undefined) === type) known[name] = input?.[name];
  return known;
}

/** True if another client runs a hook of Claude Code's settings. Its event names begin in lower case. */
export function isForeign({ cursor_version, conversation_id, hook_event_name }: HookInput): boolean {
  return (
    cursor_version !== undefined || conversation_id !== undefined || /^[a-z]/.test(hook_event_name ?? "")
  );
}

/** True for a prompt that the client made itself, as when it is woken. One that is killed as it tells may tell nothing. */
export function isAutomatic({ session_id, source = "user", prompt = "" }: HookInput): boolean {
  return session_id === undefined || source !== "user" || prompt.startsWith("<task-notification>");
}

/** True for a prompt that the mod submitted: it holds what the session has to read. */
export function isOfMod({ prompt = "" }: HookInput): boolean {
  return prompt.startsWith("<agent-event-bus>");
}

/** The name that the user gave the session in its client. */
export function titleOf({ session_title }: HookInput): string | undefined {
  const title = session_title?.trim();
  return title ? bounded(title) : undefined;
}

/** Characters of a name. The bus counts characters too, however many bytes they have. */
const MOST_NAME = 60;

export function bounded(name: string): string {
  return beginning(name, MOST_NAME);
}
