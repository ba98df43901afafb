import { type Color, clientConfig, environment, homeDirectory, version } from "../config/client.ts";
import { type Desk, type Printer, UsageError } from "../lib/command.ts";
import type { Json } from "../lib/json.ts";
import { isInTerminal } from "../lib/terminal.ts";
import { isTerminal, terminalWidth } from "../runtime/stdio.ts";
import { type CommandLine, firstWord, type Line, parseLine, wordsAfter } from "./argv.ts";
import { type Answer, type CallConfig, createCommandCall } from "./command_call.ts";
import type { CliCommand } from "./commands.ts";
import { commandsFor } from "./fast_path.ts";
import { finish, flush, type Output, put } from "./output.ts";
import { createPrinter } from "./printer.ts";
import { DOCUMENTS, DONE, explain, show, type View } from "./show.ts";

/** The client side of every command: one call to the bus, and its output. Ends the process with the exit code. */
export async function cli(argv: readonly string[], known?: readonly CliCommand[]): Promise<void> {
  const output: Output = { pieces: [] };
  const code = isOfBridge(argv)
    ? await tellOfBridge(argv, output)
    : await runCommand(argv, known ?? (await commandsFor(argv)), output);
  process.exit(await finish(output, code));
}

// The original's bridge had these commands.
function isOfBridge(argv: readonly string[]): boolean {
  const word = argv[firstWord(argv)];
  return word === "wake-state" || word === "panes";
}

/** True under the name of the original's CLI, whose output users' hooks and status lines read. */
function isOriginalName(): boolean {
  // The constant condition leaves each build its own half.
  const called = (process.versions.bun === undefined ? process.argv[1] : process.argv0) ?? "";
  const name = called.slice(Math.max(called.lastIndexOf("/"), called.lastIndexOf("\\")) + 1);
  return name === "agent-event-bus-cli" || name === "agent-event-bus-cli.exe";
}

async function tellOfBridge(argv: readonly string[], output: Output): Promise<number> {
  const { BRIDGE_NOTE } = await import("./original.ts");
  if (isJson(argv)) put(output, "stdout", `${JSON.stringify({ skipped: BRIDGE_NOTE })}\n`);
  put(output, "stderr", `agent-event-bus: ${BRIDGE_NOTE}\n`);
  return DONE;
}

async function runCommand(
  argv: readonly string[],
  commands: readonly CliCommand[],
  output: Output,
): Promise<number> {
  const config = clientConfig(environment);
  const color = colorAsked(argv) ?? config.color;
  const terminal = isTerminal(color === "auto");
  const printer = await printerOf(output, color, terminal);
  // Known before the line is parsed, so that mistakes in it are shown as JSON too.
  const json = isJson(argv);
  let named: CliCommand | undefined;
  try {
    const original = isOriginalName() ? await import("./original.ts") : undefined;
    const line = await parseLine(argv, commands, original?.flagNamed);
    const { command, globals } = line;
    if (globals.version) return tell("version", version, json, printer);
    if (globals.help || argv[0] === "help") return tell("help", await helpOf(line, commands), json, printer);
    if (command === undefined) return await withoutCommand(line, commands, json, printer);
    homeDirectory();
    const document = DOCUMENTS.has(command.name) && (original !== undefined || !terminal);
    const view: View = {
      command: original?.printedAs(command) ?? command,
      as: json ? "json" : document ? "document" : "words",
      printer,
      original: original !== undefined,
    };
    named = original === undefined ? command : undefined;
    // Scripts call the original's name, and count on the sender that it always had.
    const pid = terminal && original === undefined && isInTerminal() ? process.pid : undefined;
    const words = view.as === "words" && original === undefined;
    return await answered({ ...line, command }, view, { ...config, pid, words, terminal }, output);
  } catch (error) {
    return await explain(error, argv.includes("--debug"), json, printer, named);
  }
}

async function printerOf(output: Output, color: Color, terminal: boolean): Promise<Printer> {
  return createPrinter({
    out: (text) => put(output, "stdout", text),
    err: (text) => put(output, "stderr", text),
    colours: color === "always" || (color === "auto" && terminal),
    width: terminal ? terminalWidth() : undefined,
    wrap: terminal ? (await import("../lib/wrap.ts")).wrappedMessage : undefined,
    now: Date.now,
  });
}

async function answered(line: CommandLine, view: View, config: CallConfig, output: Output): Promise<number> {
  const { as, printer } = view;
  const desk = deskOf(line.command, as === "json", config.terminal, printer, () => flush(output));
  const call = createCommandCall(line, config, desk);
  const written = async (args: Json, answer?: Answer) => {
    if (!(await flush(output))) {
      if (args.acks === true)
        printer.note("agent-event-bus: stdout did not take the events, so they do not count as seen.");
      return false;
    }
    if (answer !== undefined) await call.afterwards(args, answer, printer);
    return true;
  };
  if (line.values.follow === true && "tool" in line.command.does)
    return (await import("./follow.ts")).follow(view, call, written);
  const args = await call.args();
  const answer = await call.run(args);
  const code = await show(view, answer.shown);
  await written(args, answer);
  return code;
}

/** Known before the line is parsed, so that mistakes in it have their colors too. */
function colorAsked(argv: readonly string[]): Color | undefined {
  const at = argv.findIndex((word) => word === "--color" || word.startsWith("--color="));
  const asked = at === -1 ? undefined : argv[at]?.slice("--color=".length) || argv[at + 1];
  return asked === "auto" || asked === "always" || asked === "never" ? asked : undefined;
}

function isJson(argv: readonly string[]): boolean {
  return argv.includes("--json") || argv.includes("--json=true");
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

/** @throws UsageError if the line has only the first of two words. */
async function withoutCommand(
  { group }: Line,
  commands: readonly CliCommand[],
  json: boolean,
  printer: Printer,
): Promise<number> {
  if (group === undefined)
    return tell("help", (await import("./help.ts")).everydayHelp(commands), json, printer);
  const names = commands.filter(({ name }) => name.startsWith(`${group} `)).map(({ name }) => name);
  throw new UsageError(`${group} needs a command: ${wordsAfter(group, names)}.`);
}

function deskOf(
  { does }: CliCommand,
  json: boolean,
  terminal: boolean,
  printer: Printer,
  flush: () => Promise<boolean>,
): Desk {
  return {
    json,
    async tell(step) {
      if (json || !("run" in does)) return true;
      does.tell?.(step, printer);
      return flush();
    },
    ask: json || !terminal ? undefined : async (question) => (await import("./confirm.ts")).agree(question),
  };
}
