// The mod: runs inside Claude Code and does there what the hooks do as processes. A message starts a turn in the idle
// session, and the user's draft stays.
import { carrier, confirmedOwn, end, giveUp, hold, take, withCaller } from "./carrier.ts";
import type { ClassicInput, ClassicResult, Engine, On } from "./engine.ts";
import { withoutLines } from "./lines.ts";
import type { Path } from "./watch.ts";

/** The bus's tools, of its own MCP server or of a plugin's. */
const BUS_TOOL = /^mcp__(plugin_)?agent-event-bus_/;

/** Called once by Claude Code, in each session. `url`: the bus of a plugin that asked its user for one. */
export function register(on: On, { url }: { url?: string } = {}): void {
  carrier.url = url;
  on("session.start", async ($, event, next) => {
    const result = await next(event);
    carrier.isInteractive = event.isInteractive;
    if (event.isInteractive) idle($);
    return result;
  });
  on("turn.start", (_, event, next) => {
    if (event.agentId === undefined) carrier.idleSince = undefined;
    return next(event);
  });
  on("turn.complete", async ($, event, next) => {
    const result = await next(event);
    if (event.agentId === undefined && carrier.isInteractive)
      event.isAborted === true ? void giveUp($).catch(() => {}) : idle($);
    return result;
  });
  on("classic.UserPromptSubmit", ($, event, next) => handed($, "prompt", event, next)).catch(passOn);
  on("classic.PostToolUse", ($, event, next) => handed($, "tool", event, next)).catch(passOn);
  on("classic.Stop", ($, event, next) => handed($, "stop", event, next)).catch(passOn);
  on("classic.SessionEnd", async ($, event, next) => {
    await end($, event);
    return next(event);
  }).catch(passOn);
  on("tool.call", async ($, event, next) => {
    const call = async () => next(BUS_TOOL.test(event.tool) ? await withCaller($, event) : event);
    return event.agentId === undefined ? withoutLines($, call, carrier.isInteractive) : call();
  }).catch(passOn);
}

/** In place of a hook that fails. */
function passOn<Event, Result>(_: Engine, event: Event, next: (event: Event) => Result): Result {
  return next(event);
}

function idle($: Engine): void {
  carrier.idleSince = Date.now();
  // Ends so when the plugin is taken out.
  hold($).catch(() => {});
}

/**
 * Adds what the session has to read to what other hooks say. Asks the bus after them: an installation of hooks beside the
 * mod has then confirmed what it showed. A subagent's events reach it through its main agent.
 */
async function handed(
  $: Engine,
  path: Path,
  event: ClassicInput,
  next: (event: ClassicInput) => Promise<ClassicResult>,
): Promise<ClassicResult> {
  if (event.agent_id !== undefined || event.stop_hook_active === true) return next(event);
  const own = confirmedOwn(event);
  const result = await next(event);
  const isOwn = await own;
  if (result.block !== undefined || result.preventContinuation === true) return result;
  const text = await take($, path, event, isOwn);
  return text === undefined
    ? result
    : { ...result, additionalContext: [...(result.additionalContext ?? []), text] };
}
