import type { CliCommand } from "./commands.ts";
import { PROGRAM } from "./commands.ts";

/** True if a sentence of the bus may speak of tools or their arguments. */
export function speaksOfTools(text: string): boolean {
  return /[a-z]_[a-z]/.test(text) || /^\w+: /.test(text);
}

/** Sentences whose command is more than the tool's name. */
const CALLS: readonly (readonly [call: RegExp, command: string])[] = [
  [/\blist_webhooks with active_only=false\b/g, `${PROGRAM} webhook list --all`],
  [/\bset allow_rewind\b/g, "add --allow-rewind"],
];

/**
 * A sentence of the bus in the shell's words. Tools become commands, and arguments become flags. `command` is the one that
 * was refused.
 */
export function inShellWords(text: string, command: CliCommand, commands: readonly CliCommand[]): string {
  let shown = text;
  const tool = "tool" in command.does ? command.does.tool : "";
  if (shown.startsWith(`${tool}: `)) {
    const problems = shown.slice(tool.length + 2).split("; ");
    shown = `${command.name}: ${problems.map((problem) => withFlag(problem, command)).join("; ")}`;
  }
  for (const [call, line] of CALLS) shown = shown.replace(call, line);
  for (const one of commands)
    if ("tool" in one.does && new RegExp(`\\b${one.does.tool}\\b`).test(shown))
      shown = asCommand(shown, one.does.tool, one);
  return shown.replace(/\bCall agent-event-bus /g, "Run agent-event-bus ");
}

/** A problem begins with the argument that it is about. */
function withFlag(problem: string, command: CliCommand): string {
  return problem.replace(/^(\w+)(?=\[\d+\]|:| )/, (name) => nameOf(name, command) ?? name);
}

/** Names the command in place of its tool, and its flags in the sentence from there on. */
function asCommand(text: string, tool: string, command: CliCommand): string {
  const at = text.search(new RegExp(`\\b${tool}\\b`));
  const rest = text
    .slice(at + tool.length)
    .replace(/\b[a-z]+_[a-z]+\b/g, (name) => nameOf(name, command) ?? name);
  const before = text.slice(0, at);
  return `${before}${before.endsWith("not allow ") ? "" : `${PROGRAM} `}${command.name}${rest}`;
}

function nameOf(param: string, { flags, words }: CliCommand): string | undefined {
  const word = words.find((one) => one.param === param);
  if (word !== undefined) return word.placeholder;
  const flag = flags.find((one) => one.param === param);
  return flag === undefined ? undefined : `--${flag.name}`;
}
