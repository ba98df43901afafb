import { repoOf } from "../bus/repo.ts";
import { visible, visibleJson } from "../bus/text.ts";
import { busUrl, ConfigError, clientConfig, environment, keptToken, machine, version } from "../config.ts";
import { type Desk, type Here, type Json, type Printer, UsageError } from "../operation.ts";
import { argumentsOf, type Line, parseLine, requireFlags } from "./argv.ts";
import { callTool, Refused, Unreachable } from "./call.ts";
import type { CliCommand } from "./commands.ts";
import { commandsFor } from "./known.ts";
import { flush, flushLive, type Output } from "./output.ts";
import { createPrinter } from "./printer.ts";

const DONE = 0;
const REFUSED = 1;
const WRONG_USAGE = 2;
const UNREACHABLE = 3;
const TIMEOUT_MS = 10_000;

/** The client side of every command: one call to the bus, shown; sets the exit code (WIRE.md 8). */
export async function cli(argv: readonly string[], known?: readonly CliCommand[]): Promise<void> {
  const output = { out: "", err: "" };
  const code = await runCommand(argv, known ?? (await commandsFor(argv)), output);
  await flush(output);
  process.exit(code);
}

async function runCommand(
  argv: readonly string[],
  commands: readonly CliCommand[],
  output: Output,
): Promise<number> {
  const config = clientConfig(environment);
  const printer = createPrinter({
    out: (text) => {
      output.out += text;
    },
    err: (text) => {
      output.err += text;
    },
    colours: config.colours && isTerminal(),
    now: Date.now,
  });
  // Read before the line is understood, so that a mistake in it is told as JSON too.
  const json = argv.includes("--json") || argv.includes("--json=true");
  try {
    const line = await parseLine(argv, commands);
    const { command, globals } = line;
    if (globals.version) return tell("version", version, json, printer);
    if (globals.help || argv[0] === "help") return tell("help", await helpOf(line, commands), json, printer);
    if (command === undefined) throw incomplete(line, commands);
    const desk = deskOf(command, json, printer, () => flushLive(output));
    const asking = asked({ ...line, command }, config, desk);
    if (line.values.follow === true && "tool" in command.does)
      return await follow(command, asking, json, printer, () => flushLive(output));
    return show(command, await asking.ask(await asking.args()), json, printer);
  } catch (error) {
    return explain(error, argv.includes("--debug"), json, printer);
  }
}

function tell(key: string, text: string, json: boolean, printer: Printer): number {
  printer.line(json ? JSON.stringify({ [key]: text }) : text);
  return DONE;
}

async function helpOf({ command, group }: Line, commands: readonly CliCommand[]): Promise<string> {
  const { commandHelp, groupHelp, programHelp } = await import("./help.ts");
  if (command !== undefined) return commandHelp(command);
  return group === undefined ? programHelp(commands) : groupHelp(group, commands);
}

function incomplete({ group }: Line, commands: readonly CliCommand[]): UsageError {
  if (group === undefined) return new UsageError("No command given.", "agent-event-bus --help lists them.");
  const members = commands.filter(({ name }) => name.startsWith(`${group} `)).map(({ name }) => name);
  return new UsageError(`${group} needs a further word: ${members.join(", ")}.`);
}

/** A command line on its way to the bus. */
interface Asking {
  args(): Promise<Json>;
  ask(args: Json): Promise<Json>;
}

function asked(
  line: Line & { command: CliCommand },
  config: ReturnType<typeof clientConfig>,
  desk: Desk,
): Asking {
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
      if ("run" in does) return does.run(ofThisMachine(args, line), desk);
      const result = await call(does.tool, args);
      return "error" in result ? result : ((await command.after?.(result, line.values, call)) ?? result);
    },
  };
}

const FOLLOW_AGAIN_MS = 2_000;

/** Shows one answer after the other until the person ends it; a bus that is away is asked again. Returns when it is refused, or nobody reads any more. */
async function follow(
  command: CliCommand,
  { args: first, ask }: Asking,
  json: boolean,
  printer: Printer,
  flush: () => Promise<boolean>,
): Promise<number> {
  let args = await first();
  for (let begun = false, away = false; ; ) {
    try {
      const result = await ask(args);
      if (result.error !== undefined) return show(command, result, json, printer);
      if (away) printer.note("The bus is back.");
      [begun, away] = [true, false];
      if (json) for (const event of result.events as Json[]) printer.line(visibleJson(event));
      else command.print({ ...result, following: true }, printer);
      args = command.command.next?.(args, result) ?? args;
    } catch (error) {
      if (!(error instanceof Unreachable) || !begun) throw error;
      if (!away) printer.note(`agent-event-bus: ${printer.text(error.message)} Trying again.`);
      away = true;
      await new Promise((resolve) => setTimeout(resolve, FOLLOW_AGAIN_MS));
    }
    if (!(await flush())) return DONE;
  }
}

function ofThisMachine(args: Json, { command, globals }: Line & { command: CliCommand }): Json {
  if (globals.url !== undefined)
    throw new UsageError(
      `${command.name} works on this machine alone and takes no --url.`,
      "Run it on the machine that it is meant for.",
    );
  return args;
}

function deskOf({ does }: CliCommand, json: boolean, printer: Printer, flush: () => Promise<boolean>): Desk {
  return {
    json,
    async tell(step) {
      if (json || !("run" in does)) return true;
      does.tell?.(step, printer);
      return flush();
    },
    ask: json || !isTerminal() ? undefined : async (question) => (await import("./agree.ts")).agree(question),
  };
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

function show(command: CliCommand, result: Json, json: boolean, printer: Printer): number {
  const refused = result.error !== undefined || result.success === false;
  if (json) printer.line(visibleJson(listOf(result)));
  // What a command on files found out is shown even when it is bad news.
  else if (!refused || "run" in command.does) command.print(result, printer);
  if (refused) printer.note(`agent-event-bus: ${refusalOf(result, printer)}`);
  if (result.warning !== undefined) printer.note(`Warning: ${printer.text(result.warning)}`);
  if (!refused && result.session_deleted === true)
    printer.note(`Warning: the session ${printer.text(result.display_id)} is unregistered.`);
  if (result.hint !== undefined) printer.note(printer.text(result.hint));
  return refused ? REFUSED : DONE;
}

// A list travels as `{ result: [...] }`; a script wants the list.
function listOf(result: Json): unknown {
  return Array.isArray(result.result) ? result.result : result;
}

function refusalOf(result: Json, printer: Printer): string {
  return result.error === undefined
    ? "The notification could not be shown; the bus's log says why."
    : printer.text(result.error);
}

function explain(error: unknown, debug: boolean, json: boolean, printer: Printer): number {
  const message = error instanceof Error ? error.message : String(error);
  const hint = error instanceof UsageError || error instanceof Refused ? error.hint : undefined;
  if (json) printer.line(visibleJson({ error: message, ...(hint === undefined ? {} : { hint }) }));
  printer.note(`agent-event-bus: ${printer.text(message)}`);
  if (hint !== undefined) printer.note(printer.text(hint));
  if (debug && error instanceof Error)
    printer.note(visible(`${error.stack ?? ""}${error.cause ? `\ncause: ${error.cause}` : ""}`));
  if (error instanceof UsageError || error instanceof ConfigError) return WRONG_USAGE;
  if (error instanceof Refused) return REFUSED;
  if (error instanceof Unreachable) return UNREACHABLE;
  return REFUSED;
}

// The constant condition leaves each build its own half.
function isTerminal(): boolean {
  return process.versions.bun === undefined
    ? process.stdout.isTTY === true
    : Bun.enableANSIColors && process.stdout.isTTY;
}
