import { environment, isOwnBus, machine } from "../config/client.ts";
import { hookConfig } from "../config/hook.ts";
import type { Json } from "../lib/json.ts";
import { isLoopbackUrl } from "../lib/loopback.ts";
import { createCall } from "../rpc/call.ts";
import { NotOurs } from "../rpc/errors.ts";
import { write } from "../runtime/stdio.ts";
import { isForeign, isOfMod } from "./input.ts";
import { HOOKS, type HookName, STAYING } from "./names.ts";
import { readInput } from "./read_input.ts";
import { HookSession } from "./session.ts";
import type { HookCall } from "./types.ts";
import { type Format, type HookLine, help, usage } from "./usage.ts";

const CALL_MS = 5_000;
/** Time limit of a hook, for a bus on this machine and elsewhere. */
const LOCAL_MS = 300;
const REMOTE_MS = 1_000;
/** For hooks that stay, which have no other limit. */
const LONGEST_INPUT_MS = 5_000;

/**
 * `agent-event-bus hook NAME`: run by Claude Code (or another client) at one of its events, with JSON on stdin. Ends with 0
 * and prints nothing when the bus fails. Takes at most 300 ms (1 s for a bus on another machine), or the limit that is set.
 * Some stay beside the session, and `wait` ends with 2 to wake it. Ends the process, even while stdin is still being read.
 */
export async function hook(argv: readonly string[]): Promise<void> {
  if (argv.includes("--help") || argv.includes("-h")) return await help();
  const line = await usage(argv);
  if (line === null) process.exit();
  try {
    await run(line);
  } catch {}
  process.exit(0);
}

async function run({ name, format, url: flag, pid }: HookLine): Promise<void> {
  const config = hookConfig(environment, flag);
  const { url, token } = config;
  // Everything that needs no input is done while it is read.
  const reading = readInput(format !== "claude");
  const limit = config.timeoutMs ?? (isLoopbackUrl(url) ? LOCAL_MS : REMOTE_MS);
  if (!STAYING.includes(name)) setTimeout(() => process.exit(0), limit);
  const late = setTimeout(() => process.exit(0), LONGEST_INPUT_MS);
  config.clientPid ??= pid;
  const callBus = createCall({ url, token });
  // Reading the id takes up to a fifth of a hook's time. The user's own bus is told it at each registration.
  const hostId = name !== "session-start" && isOwnBus(url) ? undefined : await idOfMachine();
  const input = await reading;
  clearTimeout(late);
  // Events reach a subagent's session through its main agent. Its tools and its dialogs are its own.
  const ofSubagent = input.agent_id !== undefined && name !== "pre-tool" && !isDialog(name);
  if (ofSubagent || (format === "claude" && isForeign(input))) return;
  const called: HookCall = {
    ...{ input, config, format, machine: machine(), machineId: hostId },
    clientId: input.session_id ?? config.sessionId,
    call: (tool, args, timeoutMs = CALL_MS) => callBus(tool, args, timeoutMs),
    register: async () =>
      (await import("./register.ts")).register({ ...called, machineId: hostId ?? (await idOfMachine()) }),
    lastWords: async (answer) =>
      config.tellsLastWords() ? (await import("../lib/first_words.ts")).firstWords(answer) : undefined,
    branch: async () => (await import("../lib/git.ts")).branchOf(input.cwd ?? process.cwd()),
  };
  await runHook(name, called, limit);
}

/** Made by the first hook that states it: a session whose later hooks state another one would be another session. */
async function idOfMachine(): Promise<string | undefined> {
  return (await import("../config/machine_id.ts")).machineId();
}

function isDialog(name: HookName): boolean {
  return name === "permission" || name === "notification";
}

async function runHook(name: HookName, run: HookCall, limit: number): Promise<void> {
  const session = new HookSession(run);
  switch (name) {
    case "session-start": {
      const { start, watched } = await import("./start.ts");
      const told = await start(run).catch((error) => warn(error, run.format));
      const watches = watched(run);
      if (told !== null || watches !== undefined)
        await tell(name, told?.text ?? "", run.format, told?.line ?? "", watches);
      return;
    }
    case "stop":
      return run.input.stop_hook_active ? undefined : deliver(name, session, run.format);
    case "wait":
      return (await import("./wait.ts")).wait(run, session, limit);
    case "permission":
    case "notification":
      return (await import("./dialog.ts")).standAtDialog(name, run);
    case "session-end":
      return session.end();
    case "pre-tool":
      return (await import("./pre_tool.ts")).preTool(run, session, limit);
    default:
      if (isOfMod(run.input)) return;
      return deliver(name, session, run.format);
  }
}

/** Hands over what concerns the session, and confirms it after it was written. Tells what else happened to it. */
async function deliver(
  name: "prompt" | "tool" | "stop",
  session: HookSession,
  format: Format,
): Promise<void> {
  const batch = await session.collect(name);
  if (batch === null) return;
  const handsOver = batch.events.length > 0 || batch.digest !== undefined;
  const tellsUser = format === "claude" && batch.woken_by !== undefined;
  if (!handsOver && !tellsUser && batch.renamed === undefined) return;
  const { handOver, visibleJson } = await import("./text.ts");
  const { text, line, shown } = handOver(batch, Date.now());
  if (format === "json") await write("stdout", `${visibleJson({ ...batch, events: shown, text })}\n`);
  else await tell(name, text, format, line);
  if (handsOver) await session.confirm(batch, shown.length, name, Buffer.byteLength(text));
}

/** Warns the user, not the agent, of another user's program in place of the bus. Every other error is silent. */
async function warn(error: unknown, format: Format): Promise<null> {
  if (error instanceof NotOurs && format === "claude")
    await write("stdout", `${JSON.stringify({ systemMessage: `agent-event-bus: ${error.message}` })}\n`);
  return null;
}

/** Tells the agent, and the user by a line each. `more`: what else the client is told. */
async function tell(
  name: HookName,
  text: string,
  format: Format,
  line: string,
  more: Json = {},
): Promise<void> {
  const told = { ...(text !== "" && { additionalContext: text }), ...more };
  const claude = {
    ...(line !== "" && { systemMessage: line }),
    ...(Object.keys(told).length > 0 && {
      hookSpecificOutput: { hookEventName: HOOKS[name].events[0], ...told },
    }),
  };
  await write(
    "stdout",
    `${format === "plain" ? text : JSON.stringify(format === "json" ? { text } : claude)}\n`,
  );
}
