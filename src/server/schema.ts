import { z } from "zod";
import { isRequired, type Operation, type Param } from "../operation.ts";

const encoder = new TextEncoder();

function bytes(text: string): number {
  return encoder.encode(text).byteLength;
}

/** Text as it is kept: a lone surrogate cannot be stored and becomes U+FFFD here, so that answers show what is stored. */
function text(max: number, min = 0): z.ZodType<string> {
  return z
    .string("must be a string")
    .transform((value) => value.toWellFormed())
    .refine((value) => value.length >= min, "must not be empty")
    .refine(
      (value) => value.length * 3 <= max || bytes(value) <= max,
      `must be at most ${max} bytes of UTF-8`,
    );
}

function valueSchema(param: Param): z.ZodType {
  switch (param.type) {
    case "text":
      return param.choices === undefined
        ? text(param.max, param.min)
        : z.enum(param.choices as string[], `must be one of ${param.choices.join(", ")}`);
    case "integer":
      return z
        .int("must be a whole number")
        .min(param.min, `must be at least ${param.min}`)
        .max(param.max, `must be at most ${param.max}`);
    case "boolean":
      return z.boolean("must be true or false");
    case "list":
      return z
        .array(text(param.each), "must be a list of strings")
        .max(param.max, `must have at most ${param.max} items`);
    case "cursor":
      return z
        .union([z.string(), z.number()], "must be a string")
        .transform((value) => String(value).slice(0, 64));
  }
}

function paramSchema(param: Param): z.ZodType {
  const schema = valueSchema(param);
  if (isRequired(param)) return schema;
  const fallback = "default" in param ? param.default : undefined;
  return schema.nullish().transform((value) => value ?? fallback);
}

export type Checked = { args: Record<string, unknown> } | { problem: string };

/** The checker of an operation's arguments, made once: unknown ones are dropped, a problem names its argument. */
export function checker(operation: Operation): (args: unknown) => Checked {
  const shape = Object.entries(operation.params).map(([name, param]) => [name, paramSchema(param)] as const);
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
export function inputSchema(operation: Operation): Record<string, unknown> {
  const entries = Object.entries(operation.params);
  const required = entries.filter(([, param]) => isRequired(param)).map(([name]) => name);
  return {
    type: "object",
    properties: Object.fromEntries(entries.map(([name, param]) => [name, propertySchema(param)])),
    ...(required.length > 0 ? { required } : {}),
  };
}

function propertySchema(param: Param): Record<string, unknown> {
  const fallback = "default" in param && param.default !== undefined ? { default: param.default } : {};
  const described = { description: param.about, ...fallback };
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
        minimum: param.min,
        ...(param.max === Number.MAX_SAFE_INTEGER ? {} : { maximum: param.max }),
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
