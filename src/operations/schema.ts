import { z } from "zod";
import { type Bound, boundOf, type Limits, limitNote } from "../domain/limits.ts";
import type { Json } from "../lib/json.ts";
import { isRequired } from "../lib/param.ts";
import type { Operation, ToolParam } from "./operation.ts";

type Rule = (text: string) => string | undefined;

const NOT_TEXT = "must be a string";

/** Says what is wrong with a text. Undefined if it is valid. */
function textRule(bound: Bound, limits: Limits, min = 0): Rule {
  const max = boundOf(bound, limits);
  const tooLong = `must be at most ${max} bytes of UTF-8${limitNote(bound)}`;
  return (text) => {
    if (text.length < min) return "must not be empty";
    return text.length * 3 > max && Buffer.byteLength(text) > max ? tooLong : undefined;
  };
}

/** Text as it is stored. A lone surrogate becomes U+FFFD here, so that answers show what is stored. */
function textSchema(rule: Rule): z.ZodType<string> {
  return z
    .string(NOT_TEXT)
    .overwrite((text) => text.toWellFormed())
    .check(({ value, issues }) => {
      const message = rule(value);
      if (message !== undefined) issues.push({ code: "custom", message, input: value });
    });
}

/** Hot path: most arguments are plain texts, which have a rule. A schema makes five objects for each. */
function checkOf(param: ToolParam, limits: Limits): Rule | z.ZodType {
  switch (param.type) {
    case "text":
      return param.choices === undefined
        ? textRule(param.max, limits, param.min)
        : z.enum(param.choices as string[], `must be one of ${param.choices.join(", ")}`);
    case "integer":
      return integerSchema(param, boundOf(param.max, limits), limitNote(param.max));
    case "boolean":
      return z.boolean("must be true or false");
    case "list": {
      const max = boundOf(param.max, limits);
      return z
        .array(textSchema(textRule(param.each, limits)), "must be a list of strings")
        .check(({ value, issues }) => {
          // Unlike zod's `max`, this only runs on lists.
          if (value.length <= max) return;
          const message = `must have at most ${max} items${limitNote(param.max)}`;
          issues.push({ code: "custom", message, input: value });
        });
    }
    case "cursor":
      return z
        .union([z.string(), z.number()], "must be a string")
        .transform((value) => String(value).slice(0, 64));
  }
}

/** A whole number. Accepts digits as text, which shells and some models send. */
function integerSchema(
  { min, clamped }: ToolParam & { type: "integer" },
  max: number,
  note: string,
): z.ZodType {
  const number = z
    .int("must be a whole number")
    .min(min, `must be at least ${min}`)
    .max(max, `must be at most ${max}${note}`);
  return z.preprocess((given) => {
    const value = typeof given === "string" && /^-?\d+$/.test(given) ? Number(given) : given;
    return clamped === true && Number.isInteger(value) && Number(value) > max ? max : value;
  }, number);
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
  check: Rule | z.ZodType;
  required: boolean;
  fallback: string | number | boolean | undefined;
}

/** Makes the checker of an operation's arguments. It drops unknown ones, and a problem names its argument. */
export function checker(operation: Operation, limits: Limits): (args: unknown) => Checked {
  // Made at the first call. The schemas of all operations take 2 MB, and a bus runs few operations.
  let params: readonly Checks[] | undefined;
  return (given) => {
    if (typeof given !== "object" || given === null || Array.isArray(given))
      return { problem: `${operation.name}: the arguments must be an object.` };
    params ??= checksOf(operation, limits);
    const args: Json = {};
    const problems: string[] = [];
    // Hot path: one schema for all would make a dozen objects for each argument that is not sent.
    for (const { name, check, required, fallback } of params) {
      const value = (given as Json)[name] ?? undefined;
      if (value === undefined) {
        if (required) problems.push(`${name} is required`);
        else args[name] = fallback;
      } else if (typeof check === "function") {
        const text = typeof value === "string" ? value.toWellFormed() : undefined;
        const message = text === undefined ? NOT_TEXT : check(text);
        if (message === undefined) args[name] = text;
        else problems.push(sentence(name, value, { path: [], message }));
      } else {
        const parsed = check.safeParse(value);
        if (parsed.success) args[name] = parsed.data;
        else for (const issue of parsed.error.issues) problems.push(sentence(name, value, issue));
      }
    }
    if (problems.length === 0) return { args };
    return { problem: `${operation.name}: ${problems.slice(0, MOST_PROBLEMS).join("; ")}.` };
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

type Issue = Pick<z.core.$ZodIssue, "path" | "message">;

function sentence(name: string, given: unknown, { path: [item], message }: Issue): string {
  return `${name}${item === undefined ? "" : `[${String(item)}]`} ${message}${shown(given, item)}`;
}

function shown(given: unknown, item: PropertyKey | undefined): string {
  const value = item === undefined || !Array.isArray(given) ? given : given[Number(item)];
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
