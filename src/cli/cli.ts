import { clientConfig, environment, version } from "../config/client.ts";
import { type Desk, type Printer, UsageError } from "../lib/command.ts";
import type { Json } from "../lib/json.ts";
import { firstWord, type Line, parseLine } from "./argv.ts";
import { type Answer, asked } from "./command_call.ts";
import type { CliCommand } from "./commands.ts";
import { commandsFor } from "./fast_path.ts";
import { isOriginalName } from "./name.ts";
import { finish, flush, type Output } from "./output.ts";
import { createPrinter } from "./printer.ts";
import { DOCUMENTS, DONE, explain, show, type View } from "./show.ts";

/** The client side of every command: one call to the bus, shown; sets the exit code (WIRE.md 8). */
export async function cli(argv: readonly string[], known?: readonly CliCommand[]): Promise<void> {
  const output: Output = { out: "", err: "" };
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

async function tellOfBridge(argv: readonly string[], output: Output): Promise<number> {
  const { BRIDGE_NOTE } = await import("./original.ts");
  if (isJson(argv)) output.out = `${JSON.stringify({ skipped: BRIDGE_NOTE })}\n`;
  output.err = `agent-event-bus: ${BRIDGE_NOTE}\n`;
  return DONE;
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
    colours: config.colours && isTerminal(config.colours),
    now: Date.now,
  });
  // Read before the line is understood, so that a mistake in it is told as JSON too.
  const json = isJson(argv);
  try {
    const original = isOriginalName() ? await import("./original.ts") : undefined;
    const line = await parseLine(argv, commands, original?.flagNamed);
    const { command, globals } = line;
    if (globals.version) return tell("version", version, json, printer);
    if (globals.help || argv[0] === "help") return tell("help", await helpOf(line, commands), json, printer);
    if (command === undefined) throw incomplete(line, commands);
    const person = isTerminal(config.colours);
    const document = DOCUMENTS.has(command.name) && (original !== undefined || !person);
    const view: View = {
      command: original?.printedAs(command) ?? command,
      as: json ? "json" : document ? "document" : "words",
      printer,
    };
    return await answered({ ...line, command }, view, config, output, person);
  } catch (error) {
    return explain(error, argv.includes("--debug"), json, printer);
  }
}

async function answered(
  line: Line & { command: CliCommand },
  view: View,
  config: ReturnType<typeof clientConfig>,
  output: Output,
  person: boolean,
): Promise<number> {
  const { as, printer } = view;
  const desk = deskOf(line.command, as === "json", person, printer, () => flush(output));
  const asking = asked(line, config, desk);
  const written = async (args: Json, answer?: Answer) => {
    if (!(await flush(output))) {
      if (args.acks === true)
        printer.note("agent-event-bus: stdout did not take the events, so they do not count as seen.");
      return false;
    }
    if (answer !== undefined) await asking.shown(args, answer, printer);
    return true;
  };
  if (line.values.follow === true && "tool" in line.command.does)
    return (await import("./follow.ts")).follow(view, asking, written);
  const args = await asking.args();
  const answer = await asking.ask(args);
  const code = show(view, answer.result);
  await written(args, answer);
  return code;
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

function incomplete({ group }: Line, commands: readonly CliCommand[]): UsageError {
  if (group === undefined) return new UsageError("No command given.", "agent-event-bus --help lists them.");
  const members = commands.filter(({ name }) => name.startsWith(`${group} `)).map(({ name }) => name);
  return new UsageError(`${group} needs a further word: ${members.join(", ")}.`);
}

function deskOf(
  { does }: CliCommand,
  json: boolean,
  person: boolean,
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
    ask: json || !person ? undefined : async (question) => (await import("./confirm.ts")).agree(question),
  };
}

// The constant conditions leave each build its own half. Bun knows about colours without loading its streams.
function isTerminal(colours: boolean): boolean {
  if (process.versions.bun !== undefined && colours && !Bun.enableANSIColors) return false;
  return process.stdout.isTTY === true;
}
