import { z } from "zod";
import { type Bound, boundOf, type Limits, limitNote } from "../bus/limits.ts";
import { isRequired, type Operation, type Param } from "../operation.ts";

const encoder = new TextEncoder();

function bytes(text: string): number {
  return encoder.encode(text).byteLength;
}

/** Text as it is kept: a lone surrogate cannot be stored and becomes U+FFFD here, so that answers show what is stored. */
function text(bound: Bound, limits: Limits, min = 0): z.ZodType<string> {
  const max = boundOf(bound, limits);
  return z
    .string("must be a string")
    .transform((value) => value.toWellFormed())
    .refine((value) => value.length >= min, "must not be empty")
    .refine(
      (value) => value.length * 3 <= max || bytes(value) <= max,
      `must be at most ${max} bytes of UTF-8${limitNote(bound)}`,
    );
}

function valueSchema(param: Param, limits: Limits): z.ZodType {
  switch (param.type) {
    case "text":
      return param.choices === undefined
        ? text(param.max, limits, param.min)
        : z.enum(param.choices as string[], `must be one of ${param.choices.join(", ")}`);
    case "integer":
      return z
        .int("must be a whole number")
        .min(param.min, `must be at least ${param.min}`)
        .max(
          boundOf(param.max, limits),
          `must be at most ${boundOf(param.max, limits)}${limitNote(param.max)}`,
        );
    case "boolean":
      return z.boolean("must be true or false");
    case "list":
      return z
        .array(text(param.each, limits), "must be a list of strings")
        .max(
          boundOf(param.max, limits),
          `must have at most ${boundOf(param.max, limits)} items${limitNote(param.max)}`,
        );
    case "cursor":
      return z
        .union([z.string(), z.number()], "must be a string")
        .transform((value) => String(value).slice(0, 64));
  }
}

function paramSchema(param: Param, limits: Limits): z.ZodType {
  const schema = valueSchema(param, limits);
  if (isRequired(param)) return schema;
  const fallback = fallbackOf(param, limits);
  return schema.nullish().transform((value) => value ?? fallback);
}

/** The default; never beyond a bound that is set lower. */
function fallbackOf(param: Param, limits: Limits): string | number | boolean | undefined {
  if (!("default" in param)) return undefined;
  return param.type === "integer" && param.default !== undefined
    ? Math.min(param.default, boundOf(param.max, limits))
    : param.default;
}

export type Checked = { args: Record<string, unknown> } | { problem: string };

/** The checker of an operation's arguments, made once: unknown ones are dropped, a problem names its argument. */
export function checker(operation: Operation, limits: Limits): (args: unknown) => Checked {
  const shape = Object.entries(operation.params).map(
    ([name, param]) => [name, paramSchema(param, limits)] as const,
  );
  const schema = z.object(Object.fromEntries(shape));
  return (args) => {
    const parsed = schema.safeParse(args);
    return parsed.success ? { args: parsed.data } : { problem: sentence(operation, args, parsed.error) };
  };
}

function sentence(operation: Operation, args: unknown, error: z.ZodError): string {
  const problems = error.issues.slice(0, 3).map((issue) => {
    const [name, item] = issue.path;
    if (name === undefined) return "the arguments must be an object";
    const given = (args as Record<string, unknown>)[String(name)];
    if (given === undefined || given === null) return `${String(name)} is required`;
    return `${String(name)}${item === undefined ? "" : `[${String(item)}]`} ${issue.message}${shown(given, item)}`;
  });
  return `${operation.name}: ${problems.join("; ")}.`;
}

function shown(given: unknown, item: PropertyKey | undefined): string {
  const value = item === undefined || !Array.isArray(given) ? given : given[Number(item)];
  if (typeof value === "object") return "";
  const text = typeof value === "string" ? JSON.stringify(value) : String(value);
  return text.length > 40 ? "" : `, not ${text}`;
}

/** The JSON schema of an operation's arguments, as `tools/list` shows it: short, for it is read by every session. */
export function inputSchema(operation: Operation, limits: Limits): Record<string, unknown> {
  const entries = Object.entries(operation.params);
  const required = entries.filter(([, param]) => isRequired(param)).map(([name]) => name);
  return {
    type: "object",
    properties: Object.fromEntries(entries.map(([name, param]) => [name, propertySchema(param, limits)])),
    ...(required.length > 0 ? { required } : {}),
  };
}

function propertySchema(param: Param, limits: Limits): Record<string, unknown> {
  const fallback = fallbackOf(param, limits);
  // A boolean that is not sent is false anyway.
  const described = { description: param.about, ...(fallback && { default: fallback }) };
  switch (param.type) {
    case "text":
      return {
        type: "string",
        ...(param.choices === undefined ? {} : { enum: param.choices }),
        ...described,
      };
    case "integer":
      return {
        type: "integer",
        ...(param.min > 1 && { minimum: param.min }),
        ...(param.max === Number.MAX_SAFE_INTEGER ? {} : { maximum: boundOf(param.max, limits) }),
        ...described,
      };
    case "boolean":
      return { type: "boolean", ...described };
    case "list":
      return { type: "array", items: { type: "string" }, ...described };
    case "cursor":
      return { type: "string", ...described };
  }
}
