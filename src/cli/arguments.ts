import { UsageError } from "../lib/command.ts";
import type { Json } from "../lib/json.ts";
import { isRequired, type Param } from "../lib/param.ts";
import type { CommandLine } from "./argv.ts";
import type { CliCommand } from "./commands.ts";

/**
 * The operation's arguments of a command line.
 * @throws UsageError when a value is wrong. The message names the flag.
 */
export function argumentsOf(line: CommandLine): Json {
  const { params, command, flags } = line.command;
  const args: Json = {};
  for (const [name, value] of Object.entries(command.fixed ?? {})) if (value !== null) args[name] = value;
  for (const { name, param = "" } of flags) {
    const value = line.values[name];
    const declared = params[param];
    if (value === undefined || declared === undefined) continue;
    const converted = convert(`--${name}`, value, declared);
    if (converted !== undefined) args[param] = converted;
  }
  return { ...args, ...positionalOf(line) };
}

function positionalOf({ command, positionals }: CommandLine): Json {
  const name = command.command.positional;
  const [word, ...more] = positionals;
  const surplus = name === undefined ? word : more[0];
  if (surplus !== undefined)
    throw new UsageError(`${command.name} takes no further word, but was given "${surplus}".`);
  const param = name === undefined ? undefined : command.params[name];
  if (name === undefined || param === undefined) return {};
  const { placeholder = "ID" } = command.command;
  if (word !== undefined) return { [name]: convert(`the ${placeholder} of ${command.name}`, word, param) };
  if (isRequired(param))
    throw new UsageError(
      `${command.name} needs ${/^[AEIO]/.test(placeholder) ? "an" : "a"} ${placeholder}.`,
      `Write: ${command.name} ${placeholder}`,
    );
  return {};
}

/**
 * Runs after the client side has completed the arguments.
 * @throws UsageError when a required flag is missing.
 */
export function requireFlags(command: CliCommand, args: Json): void {
  for (const flag of command.flags)
    if (flag.required && flag.param !== undefined && args[flag.param] === undefined)
      throw new UsageError(
        `${command.name} needs --${flag.name}.`,
        `agent-event-bus ${command.name} --help shows its flags.`,
      );
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
