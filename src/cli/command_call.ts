import { busUrl, type ClientConfig, environment, machine } from "../config/client.ts";
import { type Desk, type Here, type Printer, UsageError } from "../lib/command.ts";
import { repoOf } from "../lib/git.ts";
import type { Json } from "../lib/json.ts";
import { type Call, createCall } from "../rpc/call.ts";
import { readStdin, write } from "../runtime/stdio.ts";
import { argumentsOf, requireFlags } from "./arguments.ts";
import type { CommandLine } from "./argv.ts";

const TIMEOUT_MS = 10_000;

export interface CallConfig extends ClientConfig {
  /** This process, if it runs in a terminal: the bus may take its call for the person's. */
  pid: number | undefined;
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
  const { values, globals } = line;
  const { command, does } = line.command;
  let bus: Call | undefined;
  const call = async (tool: string, args: Json) => {
    bus ??= createCall({
      url: busUrl(globals.url, environment),
      token: config.token,
      streams: true,
      pid: config.pid,
    });
    return bus(tool, args, command.timeoutMs?.(args, values) ?? TIMEOUT_MS);
  };
  return {
    async args() {
      const typed = argumentsOf(line);
      const args = (await command.before?.(typed, values, hereOf(config.sessionId))) ?? typed;
      requireFlags(line.command, args);
      return args;
    },
    async run(args) {
      if ("run" in does) {
        refuseUrl(line);
        const given = await does.run(args, desk);
        return { shown: given, given };
      }
      const given = await call(does.tool, args);
      const changed = "error" in given ? undefined : await command.after?.(given, values, call);
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

function refuseUrl({ command, globals }: CommandLine): void {
  if (globals.url !== undefined)
    throw new UsageError(
      `${command.name} works on this machine alone and takes no --url.`,
      "Run it on the machine that it is meant for.",
    );
}

function hereOf(sessionId: string | undefined): Here {
  return {
    sessionId,
    get cwd() {
      return process.cwd();
    },
    machine,
    repo: () => repoOf(process.cwd(), true),
    stdin: readTyped,
  };
}

async function readTyped(): Promise<string> {
  if (process.getBuiltinModule("node:tty").isatty(0))
    await write("stderr", "Type or paste it, then Enter and Ctrl-D:\n");
  return readStdin();
}
