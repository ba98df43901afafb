import { type Bound, boundOf, type Limits, limitNote } from "../domain/limits.ts";
import type { Json } from "../lib/json.ts";
import { isRequired } from "../lib/param.ts";
import type { Operation, ToolParam } from "./operation.ts";

/** Collects what is wrong with the arguments, one after the other. */
class Problems {
  readonly sentences: string[] = [];
  name = "";
  given: unknown;

  /** `item`: the place in a list. */
  add(message: string, item?: number): void {
    const where = item === undefined ? "" : `[${item}]`;
    this.sentences.push(`${this.name}${where} ${message}${shown(this.given, item)}`);
  }
}

/** Returns a value as handlers get it. Hot path: a schema of zod takes a microsecond for a number. */
type Check = (value: unknown, problems: Problems, item?: number) => unknown;

/** Text as it is stored. A lone surrogate becomes U+FFFD here, so that answers show what is stored. */
function textCheck(bound: Bound, limits: Limits, min = 0): Check {
  const max = boundOf(bound, limits);
  const tooLong = `must be at most ${max} bytes of UTF-8${limitNote(bound)}`;
  return (value, problems, item) => {
    if (typeof value !== "string") return problems.add("must be a string", item);
    const text = value.toWellFormed();
    if (text.length < min) problems.add("must not be empty", item);
    else if (text.length * 3 > max && Buffer.byteLength(text) > max) problems.add(tooLong, item);
    return text;
  };
}

function checkOf(param: ToolParam, limits: Limits): Check {
  switch (param.type) {
    case "text":
      return param.choices === undefined
        ? textCheck(param.max, limits, param.min)
        : choiceCheck(param.choices);
    case "integer":
      return integerCheck(param, boundOf(param.max, limits), limitNote(param.max));
    case "boolean":
      return (value, problems) =>
        typeof value === "boolean" ? value : problems.add("must be true or false");
    case "list":
      return listCheck(param, limits);
    case "cursor":
      return (value, problems) =>
        typeof value === "string" || Number.isFinite(value)
          ? String(value).slice(0, 64)
          : problems.add("must be a string");
  }
}

function choiceCheck(choices: readonly unknown[]): Check {
  return (value, problems) =>
    choices.includes(value) ? value : problems.add(`must be one of ${choices.join(", ")}`);
}

function listCheck({ max, each }: ToolParam & { type: "list" }, limits: Limits): Check {
  const most = boundOf(max, limits);
  const check = textCheck(each, limits);
  return (value, problems) => {
    if (!Array.isArray(value)) return problems.add("must be a list of strings");
    if (value.length > most) return problems.add(`must have at most ${most} items${limitNote(max)}`);
    return value.map((item, i) => check(item, problems, i));
  };
}

/** A whole number. Accepts digits as text, which shells and some models send. */
function integerCheck({ min, clamped }: ToolParam & { type: "integer" }, max: number, note: string): Check {
  return (given, problems) => {
    const value = typeof given === "string" && /^-?\d+$/.test(given) ? Number(given) : given;
    if (typeof value !== "number" || !Number.isInteger(value)) return problems.add("must be a whole number");
    if (value < min) problems.add(`must be at least ${min}`);
    if (value > max && clamped !== true) problems.add(`must be at most ${max}${note}`);
    return Math.min(value, max);
  };
}

/** The default, or a bound that is set lower. */
function fallbackOf(param: ToolParam, limits: Limits): string | number | boolean | undefined {
  if (!("default" in param)) return undefined;
  return param.type === "integer" && param.default !== undefined
    ? Math.min(param.default, boundOf(param.max, limits))
    : param.default;
}

export type Checked = { args: Json } | { problem: string };

interface Checks {
  name: string;
  check: Check;
  required: boolean;
  fallback: string | number | boolean | undefined;
}

/** Makes the checker of an operation's arguments. It drops unknown ones, and a problem names its argument. */
export function checker(operation: Operation, limits: Limits): (args: unknown) => Checked {
  const params = checksOf(operation, limits);
  return (given) => {
    if (typeof given !== "object" || given === null || Array.isArray(given))
      return { problem: `${operation.name}: the arguments must be an object.` };
    const args: Json = {};
    const problems = new Problems();
    for (const { name, check, required, fallback } of params) {
      const value = (given as Json)[name] ?? undefined;
      problems.name = name;
      problems.given = value;
      if (value !== undefined) args[name] = check(value, problems);
      else if (required) problems.add("is required");
      else args[name] = fallback;
    }
    const { sentences } = problems;
    if (sentences.length === 0) return { args };
    return { problem: `${operation.name}: ${sentences.slice(0, MOST_PROBLEMS).join("; ")}.` };
  };
}

function checksOf(operation: Operation, limits: Limits): Checks[] {
  return Object.entries(operation.params).map(([name, param]) => ({
    name,
    check: checkOf(param, limits),
    required: isRequired(param),
    fallback: fallbackOf(param, limits),
  }));
}

const MOST_PROBLEMS = 3;

function shown(given: unknown, item: number | undefined): string {
  if (given === undefined) return "";
  const value = item === undefined || !Array.isArray(given) ? given : given[item];
  if (typeof value === "object") return "";
  const text = typeof value === "string" ? JSON.stringify(value) : String(value);
  return text.length > 40 ? "" : `, not ${text}`;
}

/** The JSON schema of an operation's arguments for `tools/list`. Short, because every session reads it. */
export function inputSchema(operation: Operation, limits: Limits): Json {
  const entries = Object.entries(operation.params).filter(([, param]) => param.listed !== false);
  const required = entries.filter(([, param]) => isRequired(param)).map(([name]) => name);
  return {
    type: "object",
    properties: Object.fromEntries(entries.map(([name, param]) => [name, propertySchema(param, limits)])),
    ...(required.length > 0 ? { required } : {}),
  };
}

const JSON_TYPES = {
  text: "string",
  integer: "integer",
  boolean: "boolean",
  list: "array",
  cursor: "string",
};

function propertySchema(param: ToolParam, limits: Limits): Json {
  const property: Json = { type: JSON_TYPES[param.type] };
  if (param.type === "text" && param.choices !== undefined) property.enum = param.choices;
  if (param.type === "list") property.items = { type: "string" };
  if (param.type === "integer") {
    if (param.min > 1) property.minimum = param.min;
    if (param.max !== Number.MAX_SAFE_INTEGER) property.maximum = boundOf(param.max, limits);
  }
  property.description = param.about;
  // An absent boolean is false, so that default is not shown.
  const fallback = fallbackOf(param, limits);
  if (fallback) property.default = fallback;
  return property;
}
