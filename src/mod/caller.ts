import { missingIn, toolIn } from "../hooks/own_tools.ts";
import { busOf } from "./bus.ts";
import type { Engine, ToolInput } from "./engine.ts";
import { hookSession, sessionCall } from "./session.ts";

const NAME_LIMIT_MS = 1_000;

/** The call of one of the bus's tools, with what it lacks about its caller. */
export async function withCaller($: Engine, input: ToolInput): Promise<ToolInput> {
  try {
    const { tool, tool_use_id: _, agentId: __, ...tool_input } = input;
    const bus = await busOf($);
    const call = await sessionCall($, bus, { cwd: await $.session.cwd() });
    const wanted = { tool: toolIn(tool), tool_input, limitMs: NAME_LIMIT_MS };
    return { ...input, ...(await missingIn(call, await hookSession($, bus), wanted)) };
  } catch {
    return input;
  }
}
