import type { Json } from "../lib/json.ts";
import type { HookSession } from "./session.ts";
import type { SessionCall } from "./types.ts";

/** The bus's tools that take the `session_id` of their caller. */
export const OWN_TOOLS: readonly string[] = [
  "publish_event",
  "ask",
  "reply",
  "get_events",
  "ack_events",
  "unregister_session",
];

/** The name of a tool without its MCP server's. */
export function toolIn(name: string): string {
  return name.split("__").at(-1) ?? "";
}

export interface ToolCall {
  tool: string;
  tool_input: Json;
  limitMs: number;
}

/** The arguments about its caller that the call lacks. Undefined if it needs none. */
export async function missingIn(
  run: SessionCall,
  session: HookSession,
  { tool, tool_input, limitMs }: ToolCall,
): Promise<Json | undefined> {
  const { clientId, machine, input } = run;
  if (clientId === undefined) return undefined;
  if (tool === "register_session") {
    // Another client means another session.
    if (tool_input.client_id) return undefined;
    const own = {
      client_id: clientId,
      ...(machine !== undefined && { machine }),
      ...(input.cwd !== undefined && { cwd: input.cwd }),
    };
    return { ...own, ...given(tool_input) };
  }
  if (!OWN_TOOLS.includes(tool) || tool_input.session_id) return undefined;
  if (tool === "unregister_session" && tool_input.client_id) return undefined;
  // With a session, any other read would move its cursor.
  if (tool === "get_events" && tool_input.resume !== true) return undefined;
  // A client that runs twice has two sessions, which only the bus can tell apart. It knows both by the client's id too.
  const session_id = await session.id(limitMs / 2).catch(() => undefined);
  return { session_id: session_id ?? clientId };
}

/** The arguments that the model gave. */
function given(input: Json): Json {
  return Object.fromEntries(Object.entries(input).filter(([, value]) => value !== null && value !== ""));
}
