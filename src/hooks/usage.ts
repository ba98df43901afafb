import { write } from "../runtime/stdio.ts";
import { HOOKS, type HookName } from "./names.ts";

const FORMATS = ["claude", "plain", "json"] as const;
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
    const [, name, value] =
      (word.startsWith("--") ? /^--(format|url|pid)(?:=(.*))?$/.exec(word) : null) ?? [];
    if (name !== undefined) flags[name] = value ?? argv[++i] ?? "";
    else words.push(word);
  }
  const [name = "", surplus] = words;
  const format = (flags.format ?? "claude") as Format;
  if (!Object.hasOwn(HOOKS, name))
    return wrong(`"${name}" is no hook; they are ${Object.keys(HOOKS).join(", ")}.`);
  if (surplus !== undefined) return wrong(`hook ${name} takes no further word, but was given "${surplus}".`);
  if (!FORMATS.includes(format)) return wrong(`--format is one of ${FORMATS.join(", ")}, not "${format}".`);
  const pid = Number(flags.pid);
  return {
    ...{ name: name as HookName, format, url: flags.url },
    pid: Number.isSafeInteger(pid) && pid > 1 ? pid : undefined,
  };
}

async function wrong(sentence: string): Promise<null> {
  await write("stderr", `agent-event-bus: ${sentence}\n`);
  process.exitCode = WRONG_USAGE;
  return null;
}

export async function help(): Promise<void> {
  const rows = Object.entries(HOOKS).flatMap(([name, { events, about }]) => [
    `  ${name.padEnd(14)} ${about}`,
    `  ${"".padEnd(14)} (${events.join(", ")})`,
  ]);
  const lines = [
    "Run by Claude Code at its events, with JSON on stdin. If the bus is away, a hook",
    "ends with 0 and prints nothing.",
    "",
    "Usage: agent-event-bus hook <name> [flags]",
    "",
    "Hooks, each with Claude Code's events:",
    ...rows,
    "",
    "Flags:",
    "  --format <claude|plain|json>  How the events are printed (default claude)",
    "  --url <url>                   The bus to talk to (AGENT_EVENT_BUS_URL)",
    "  --pid <pid>                   The client's process, if CLAUDE_PID is unset",
  ];
  await write("stdout", `${lines.join("\n")}\n`);
}
