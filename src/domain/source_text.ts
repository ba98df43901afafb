import { beginningBytes, shortened } from "../lib/graphemes.ts";
import type { Json } from "../lib/json.ts";

/** An agent can act on a payload of this size (bytes). The rest stays with the sender, behind the link. */
export const MOST_PAYLOAD = 2_048;
const MOST_VALUE = 300;

/** A value of a body by its path, like `repository.name`. Undefined if there is no such value. */
export function valueAt(body: unknown, path: string): unknown {
  let value: unknown = body;
  for (const name of path.split(".")) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, name)) return undefined;
    value = (value as Json)[name];
  }
  return value;
}

/** The same as one line. Empty for anything but a text, a number or a truth value. */
export function textAt(body: unknown, path: string, most = MOST_VALUE): string {
  const value = valueAt(body, path);
  return ["string", "number", "boolean"].includes(typeof value) ? oneLine(String(value), most) : "";
}

/** The items of a list. Empty for any other value. */
export function listAt(body: unknown, path: string): readonly unknown[] {
  const value = valueAt(body, path);
  return Array.isArray(value) ? value : [];
}

/** A text of the sender in one line, which cannot forge another line. */
export function oneLine(text: string, most = MOST_VALUE): string {
  return shortened(
    text
      .slice(0, most * 8)
      .replace(/[\p{Cc}\u2028\u2029]+/gu, " ")
      .trim(),
    most,
  );
}

/** Lines like `branch: main`. Empty values are left out. */
export function linesOf(first: string, values: Readonly<Record<string, string>>): string {
  const lines = Object.entries(values).filter(([, value]) => value !== "");
  return bounded([first, ...lines.map(([name, value]) => `${name}: ${value}`)].join("\n"));
}

/** At most 2 kB of a text, with an ellipsis if there was more. */
export function bounded(text: string): string {
  const start = beginningBytes(text, MOST_PAYLOAD - "…".length * 3);
  return start.length === text.length ? text : `${start}…`;
}

/** Fills the names in braces of a text with values of the body. A name without a value stands for nothing. */
export function filled(template: string, body: unknown, most: number): string {
  return oneLine(
    template.replace(/\{([^{}]+)\}/g, (_, path: string) => textAt(body, path.trim(), most)),
    most,
  );
}
