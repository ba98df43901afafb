import { busUrl, type ClientConfig, environment, machine } from "../config/client.ts";
import { machineId } from "../config/machine_id.ts";
import { type CallTool, type Desk, type Here, type Printer, UsageError } from "../lib/command.ts";
import { repoOf } from "../lib/git.ts";
import type { Json } from "../lib/json.ts";
import { isLoopbackUrl } from "../lib/loopback.ts";
import { pidNamespace } from "../lib/process.ts";
import { type Call, createCall } from "../rpc/call.ts";
import { reachable } from "../rpc/send.ts";
import { readStdin, write } from "../runtime/stdio.ts";
import { argumentsOf, requireAll } from "./arguments.ts";
import type { CommandLine } from "./argv.ts";
import { browseBy } from "./browse.ts";

const TIMEOUT_MS = 10_000;

export interface CallConfig extends ClientConfig {
  /** This process, if it runs in a terminal: the bus may take its call for the person's. */
  pid: number | undefined;
  /** The result is shown in words, and not under the original's name. */
  words: boolean;
  /** Stdout is a terminal. */
  terminal: boolean;
}

export interface Answer {
  /** The result as it is shown. */
  shown: Json;
  /** The result of the bus. */
  given: Json;
}

/** One command line at work. */
export interface CommandCall {
  /** @throws UsageError if an argument is wrong or missing. */
  args(): Promise<Json>;
  /** Calls the bus, or does what the command does on this machine. */
  run(args: Json): Promise<Answer>;
  /** Does what had to wait until the answer was written. */
  afterwards(args: Json, answer: Answer, printer: Printer): Promise<void>;
}

export function createCommandCall(line: CommandLine, config: CallConfig, desk: Desk): CommandCall {
  const { values } = line;
  const { command, does } = line.command;
  const here = hereOf(line, config);
  const call = callerOf(line, config);
  return {
    async args() {
      const typed = argumentsOf(line);
      const args = (await command.before?.(typed, values, here)) ?? typed;
      requireAll(line.command, args);
      return args;
    },
    async run(args) {
      if ("run" in does) {
        refuseUrl(line);
        const given = await does.run(args, desk);
        return { shown: given, given };
      }
      const given = await call(does.tool, args);
      const changed =
        "error" in given ? undefined : await command.after?.(given, { args, flags: values, here, call });
      return { shown: changed ?? given, given };
    },
    async afterwards(args, { given }, printer) {
      try {
        if (given.error === undefined) await command.shown?.(args, given, call);
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error);
        printer.note(`Warning: your cursor was not saved, so these events come again: ${printer.text(why)}`);
      }
    },
  };
}

function callerOf(
  { command: { command, does }, values, globals }: CommandLine,
  config: CallConfig,
): CallTool {
  let bus: Call | undefined;
  return async (tool, args) => {
    const url = busUrl(globals.url, environment);
    const api = "api" in does && does.api;
    if (api && !isLoopbackUrl(url)) await expectNoAgent();
    bus ??= createCall({
      url,
      token: config.token,
      streams: true,
      api,
      pid: config.pid,
    });
    return bus(tool, args, command.timeoutMs?.(args, values) ?? TIMEOUT_MS);
  };
}

/** A bus elsewhere cannot see which process asks. @throws Refused if an agent started this one. */
async function expectNoAgent(): Promise<void> {
  const { agentMarkAbove } = await import("../lib/agent_marks.ts");
  const mark = agentMarkAbove(environment);
  if (mark === undefined) return;
  const { Refused } = await import("../rpc/errors.ts");
  throw new Refused(
    `Nothing was sent. An agent started this process (${mark}), and agents may not answer for their user.`,
    FORBIDDEN,
  );
}

const FORBIDDEN = 403;

function refuseUrl({ command, globals }: CommandLine): void {
  if (globals.url !== undefined)
    throw new UsageError(
      `${command.name} works on this machine alone and takes no --url.`,
      "Run it on the machine that it is meant for.",
    );
}

function hereOf({ globals }: CommandLine, { sessionId, words, terminal }: CallConfig): Here {
  return {
    sessionId,
    words,
    terminal,
    get cwd() {
      return process.cwd();
    },
    machine: () => ({ machine: machine(), machine_id: machineId() }),
    pidNamespace,
    link: (path) => new URL(path, reachable(new URL("./", busUrl(globals.url, environment)))).href,
    get browse() {
      return browseBy(environment);
    },
    repo: () => repoOf(process.cwd(), true),
    stdin: readTyped,
  };
}

async function readTyped(): Promise<string> {
  if (process.getBuiltinModule("node:tty").isatty(0))
    await write("stderr", "Type or paste it, then Enter and Ctrl-D:\n");
  return readStdin();
}
