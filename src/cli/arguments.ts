import { UsageError } from "../lib/command.ts";
import type { Json } from "../lib/json.ts";
import type { Param } from "../lib/param.ts";
import type { CommandLine } from "./argv.ts";
import type { CliCommand } from "./commands.ts";
import { exampleLine, PROGRAM, usageOf } from "./commands.ts";

/**
 * The operation's arguments of a command line.
 * @throws UsageError when a value is wrong. The message names the flag.
 */
export function argumentsOf(line: CommandLine): Json {
  const { params, command, flags } = line.command;
  const args: Json = { ...command.defaults };
  for (const [name, value] of Object.entries(command.fixed ?? {})) if (value !== null) args[name] = value;
  for (const { name, param = "" } of flags) {
    const value = line.values[name];
    const declared = params[param];
    if (value === undefined || declared === undefined) continue;
    const converted = convert(`--${name}`, value, declared);
    if (converted !== undefined) args[param] = converted;
  }
  return { ...args, ...wordsOf(line) };
}

/** The words go to the parameters in their order. Those that a flag gives already take none. */
function wordsOf({ command, positionals, values }: CommandLine): Json {
  const args: Json = {};
  const typed = [...positionals];
  for (const { param, placeholder, rest, declared } of command.words) {
    const flag = command.flags.find((one) => one.param === param);
    if (typed.length === 0 || (flag !== undefined && values[flag.name] !== undefined)) continue;
    if (rest === true && declared.type === "list") {
      args[param] = typed.splice(0);
      continue;
    }
    const text = rest === true ? typed.splice(0).join(" ") : (typed.shift() ?? "");
    // Screens show ids as #17.
    const plain = declared.type === "integer" ? text.replace(/^#(?=\d)/, "") : text;
    args[param] = convert(placeholder, plain, declared);
  }
  const [surplus] = typed;
  if (surplus !== undefined)
    throw new UsageError(`Unexpected argument "${surplus}".`, `Usage: ${PROGRAM} ${usageOf(command)}`);
  return args;
}

/**
 * Runs after the client side has completed the arguments.
 * @throws UsageError when a required word or flag is missing.
 */
export function requireAll(command: CliCommand, args: Json): void {
  const { words, flags } = command;
  const missing = words
    .filter(({ required, param }) => required && args[param] === undefined)
    .map(({ placeholder }) => withArticle(placeholder));
  for (const { name, required, param } of flags)
    if (required && param !== undefined && args[param] === undefined) missing.push(`--${name}`);
  const [first, second] = missing;
  if (first === undefined) return;
  const both = second === undefined ? first : `${first} and ${second}`;
  const [example] = command.command.examples[0] ?? [usageOf(command)];
  throw new UsageError(`${command.name} needs ${both}.`, `Try: ${exampleLine(example)}`);
}

function withArticle(placeholder: string): string {
  return `${/^[AEIO]/.test(placeholder) ? "an" : "a"} ${placeholder}`;
}

function convert(label: string, value: string | boolean, param: Param): unknown {
  if (typeof value === "boolean") return value;
  if (param.type === "integer") return integer(label, value, param);
  if (param.type === "list") {
    const items = value.split(",").map((item) => item.trim());
    const named = items.filter(Boolean);
    return named.length > 0 ? named : undefined;
  }
  if (param.type === "text" && param.choices !== undefined && !param.choices.includes(value))
    throw new UsageError(`${label} is one of ${param.choices.join(", ")}, not "${value}".`);
  return value;
}

function integer(label: string, value: string, param: Param & { type: "integer" }): number {
  const typed = /^-?\d+$/.test(value) ? Number(value) : Number.NaN;
  const number = param.clamped === true ? Math.min(typed, Number.MAX_SAFE_INTEGER) : typed;
  if (!Number.isSafeInteger(number)) throw new UsageError(`${label} takes a whole number, not "${value}".`);
  if (number < param.min) throw new UsageError(`${label} takes a number from ${param.min} on, not ${value}.`);
  // Only the bus knows a bound that has a name, because it can be set there.
  if (typeof param.max === "number" && number > param.max && param.clamped !== true)
    throw new UsageError(`${label} takes a number up to ${param.max}, not ${value}.`);
  return number;
}
