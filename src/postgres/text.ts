// PostgreSQL takes every text but one with NUL. A code point that means nothing stands for it.
const ESCAPE = "\u{10FFFF}";

/** A text as a column holds it. */
export function kept(text: string): string {
  return text.includes("\0") || text.includes(ESCAPE)
    ? text.replaceAll(ESCAPE, `${ESCAPE}1`).replaceAll("\0", `${ESCAPE}0`)
    : text;
}

/** The text that a column holds. Any other value as it is. */
export function shown(value: unknown): unknown {
  if (typeof value !== "string" || !value.includes(ESCAPE)) return value;
  return value.replaceAll(`${ESCAPE}0`, "\0").replaceAll(`${ESCAPE}1`, ESCAPE);
}

/** The same as `kept` of a parameter: a text, a list, or any other value. */
export function keptIn(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(keptIn);
  if (typeof value === "string") return kept(value);
  return value === undefined ? null : value;
}
