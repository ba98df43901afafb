import { expect } from "bun:test";
import { commandsOf } from "../../src/cli/commands.ts";
import { operations, personOperations } from "../../src/operations/index.ts";
import { type CliOptions, type CliResult, cli } from "./cli.ts";

const commands = commandsOf([...operations, ...personOperations]);

/** `command` and `command --flag` of everything that the program has. */
export function everyFlag(): string[] {
  return commands.flatMap(({ name, flags }) => [name, ...flags.map((flag) => `${name} --${flag.name}`)]);
}

/** What concerns messages on their way to a session. */
export const ABOUT_MESSAGES: ReadonlySet<string> = new Set([
  ...everyFlag().filter((one) => /^(ask|reply|message|inbox|needs|answer)\b/.test(one)),
  "register --claim",
  "publish --track",
  "events --follow",
]);

/** The command of a line that goes on with its positional words. */
function nameIn(line: string): string {
  const named = commands.filter(({ name }) => `${line} `.startsWith(`${name} `));
  return named.at(-1)?.name ?? line;
}

export interface CommandRunner {
  /** `command --flag value …` as one types it, with --json, and exit code 0. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
  run(command: string, flags?: Record<string, string | true>, options?: CliOptions): Promise<any>;
  runRaw(
    command: string,
    flags: Record<string, string | true>,
    options?: CliOptions,
    ...more: string[]
  ): Promise<CliResult>;
  /** Commands and flags that were run. */
  used: Set<string>;
}

/** Runs commands of the program against a bus, and keeps which. */
export function commandRunner(bus: { url: string }): CommandRunner {
  const used = new Set<string>();
  const runRaw: CommandRunner["runRaw"] = (command, flags, options = {}, ...more) => {
    const name = nameIn(command);
    used.add(name);
    for (const flag of Object.keys(flags)) used.add(`${name} --${flag}`);
    const typed = Object.entries(flags).flatMap(([flag, value]) =>
      value === true ? [`--${flag}`] : [`--${flag}`, value],
    );
    return cli([...command.split(" "), ...typed, ...more], { bus, ...options });
  };
  return {
    used,
    runRaw,
    async run(command, flags = {}, options = {}) {
      const result = await runRaw(command, flags, options, "--json");
      expect(`${result.code} ${result.stderr}`).toBe("0 ");
      return result.json();
    },
  };
}
