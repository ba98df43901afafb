import { write } from "../runtime/stdio.ts";
import { HOOKS } from "./names.ts";
import { missingIn, toolIn } from "./own_tools.ts";
import type { HookSession } from "./session.ts";
import type { HookCall } from "./types.ts";

/**
 * Tells one of the bus's own tools which session calls it, if the model did not. Says nothing about permission, so that the
 * client decides on the call as it would without this hook.
 */
export async function preTool(run: HookCall, session: HookSession, limitMs: number): Promise<void> {
  const { tool_name = "", tool_input } = run.input;
  const missing =
    tool_input && (await missingIn(run, session, { tool: toolIn(tool_name), tool_input, limitMs }));
  if (missing === undefined) return;
  const updatedInput = { ...tool_input, ...missing };
  const hookSpecificOutput = { hookEventName: HOOKS["pre-tool"].events[0], updatedInput };
  const output = run.format === "claude" ? { hookSpecificOutput } : { updatedInput };
  await write("stdout", `${JSON.stringify(output)}\n`);
}
