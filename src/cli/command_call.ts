import { busUrl, type ClientConfig, environment, keptToken, machine } from "../config/client.ts";
import { type Desk, type Here, type Printer, UsageError } from "../lib/command.ts";
import { repoOf } from "../lib/git.ts";
import type { Json } from "../lib/json.ts";
import { callTool } from "../rpc/call.ts";
import { argumentsOf, type Line, requireFlags } from "./argv.ts";
import type { CliCommand } from "./commands.ts";

const TIMEOUT_MS = 10_000;

export interface Answer {
  /** As it is shown. */
  result: Json;
  /** As the bus gave it. */
  given: Json;
}

/** A command line on its way to the bus. */
export interface Asking {
  args(): Promise<Json>;
  ask(args: Json): Promise<Answer>;
  /** Does what had to wait until the answer was written. */
  shown(args: Json, answer: Answer, printer: Printer): Promise<void>;
}

export function asked(line: Line & { command: CliCommand }, config: ClientConfig, desk: Desk): Asking {
  const { command, does } = line.command;
  const call = (tool: string, args: Json) =>
    callTool(tool, args, {
      url: busUrl(line.globals.url, environment),
      token: config.token,
      keptToken,
      timeoutMs: command.timeoutMs?.(args, line.values) ?? TIMEOUT_MS,
    });
  return {
    async args() {
      const typed = argumentsOf(line);
      const args = (await command.before?.(typed, line.values, hereOf(config.sessionId))) ?? typed;
      requireFlags(line.command, args);
      return args;
    },
    async ask(args) {
      if ("run" in does) {
        const result = await does.run(ofThisMachine(args, line), desk);
        return { result, given: result };
      }
      const given = await call(does.tool, args);
      const after = "error" in given ? undefined : await command.after?.(given, line.values, call);
      return { result: after ?? given, given };
    },
    async shown(args, { given }, printer) {
      try {
        if (given.error === undefined) await command.shown?.(args, given, call);
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error);
        printer.note(`Warning: your cursor was not saved, so these events come again: ${printer.text(why)}`);
      }
    },
  };
}

function ofThisMachine(args: Json, { command, globals }: Line & { command: CliCommand }): Json {
  if (globals.url !== undefined)
    throw new UsageError(
      `${command.name} works on this machine alone and takes no --url.`,
      "Run it on the machine that it is meant for.",
    );
  return args;
}

function hereOf(sessionId: string | undefined): Here {
  const cwd = process.cwd();
  return { sessionId, cwd, machine, repo: () => repoOf(cwd, true), stdin: readStdin };
}

async function readStdin(): Promise<string> {
  if (process.stdin.isTTY) process.stderr.write("Type or paste it, then Enter and Ctrl-D:\n");
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}
