import { tell, write } from "../runtime/stdio.ts";
import { FORMATS, HOOK_FLAGS, HOOKS, type HookName } from "./names.ts";

export type Format = (typeof FORMATS)[number];

export interface HookLine {
  name: HookName;
  format: Format;
  url: string | undefined;
  /** The client's process, for a client that does not set CLAUDE_PID. */
  pid: number | undefined;
}

const WRONG_USAGE = 64;

/** Reads the command line of a hook. Null, after a sentence on stderr, if it is wrong. To Claude Code, exit code 2 is a veto. */
export async function usage(argv: readonly string[]): Promise<HookLine | null> {
  const flags: Partial<Record<string, string>> = {};
  const words: string[] = [];
  for (let i = 0; i < argv.length; i++) {
    const word = argv[i] ?? "";
    const [, name, value] = (word.startsWith("--") ? /^--([a-z]+)(?:=(.*))?$/.exec(word) : null) ?? [];
    if (HOOK_FLAGS.some((flag) => flag.name === name)) flags[name ?? ""] = value ?? argv[++i] ?? "";
    else words.push(word);
  }
  const [name = "", surplus] = words;
  const format = (flags.format ?? "claude") as Format;
  if (!Object.hasOwn(HOOKS, name))
    return wrong(`"${name}" is not a hook. The hooks are ${Object.keys(HOOKS).join(", ")}.`);
  if (surplus !== undefined)
    return wrong(`unexpected argument "${surplus}". Try: agent-event-bus hook ${name}`);
  if (!FORMATS.includes(format))
    return wrong(`--format must be one of ${FORMATS.join(", ")}, not "${format}".`);
  const pid = Number(flags.pid);
  return {
    ...{ name: name as HookName, format, url: flags.url },
    pid: Number.isSafeInteger(pid) && pid > 1 ? pid : undefined,
  };
}

async function wrong(sentence: string): Promise<null> {
  process.exitCode = WRONG_USAGE;
  await write("stderr", `agent-event-bus: ${sentence}\n`).catch(() => {});
  return null;
}

export async function help(): Promise<void> {
  const rows = Object.entries(HOOKS).flatMap(([name, { events, about }]) => [
    `  ${name.padEnd(14)} ${about}`,
    `  ${"".padEnd(14)} (${events.join(", ")})`,
  ]);
  const lines = [
    "Claude Code runs hooks at its events, with JSON on stdin. If the bus cannot be",
    "reached, a hook prints nothing and exits with 0.",
    "",
    "Usage: agent-event-bus hook <name> [flags]",
    "",
    "Hooks, and the events of Claude Code that run them:",
    ...rows,
    "",
    "Flags:",
    ...HOOK_FLAGS.map(({ name, value, about }) => `  ${`--${name} <${value}>`.padEnd(28)}  ${about}`),
  ];
  process.exitCode = await tell(`${lines.join("\n")}\n`);
}
