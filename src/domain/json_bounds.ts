import { type Limits, limitNote } from "./limits.ts";

const BOUNDED = {
  json_depth: "levels of nesting",
  json_values: "values",
  // Each escape stands for at least one byte, and only a payload may be that long.
  payload_bytes: "escaped characters",
};

/** Escapes in all texts but the payload. */
const OTHER_ESCAPES = 64 * 1024;
const QUOTE = 0x22;

/** The bound that a JSON text exceeds, as a few words. Null if it is within all of them. */
export function jsonProblem(json: string, limits: Limits): string | null {
  const over = overBound(json, limits);
  return over === null ? null : `more than ${limits[over]} ${BOUNDED[over]}${limitNote(over)}`;
}

/**
 * The bound that a JSON text exceeds, found in one walk over it. Parsing a deep text, or one of many keys, would hold up every
 * other call for seconds. Text that is not JSON is left to the parser.
 */
function overBound(
  json: string,
  { json_depth, json_values, payload_bytes }: Limits,
): keyof typeof BOUNDED | null {
  const most_escapes = payload_bytes + OTHER_ESCAPES;
  let depth = 0;
  let values = 1;
  let escapes = 0;
  let nextEscape = found(json, "\\", 0);
  for (let at = 0; at < json.length; at++) {
    switch (json.charCodeAt(at)) {
      case QUOTE:
        // Hot path: a search for the end of a text is ten times as fast as a look at each of its characters.
        at = found(json, '"', at + 1);
        for (; nextEscape < at; nextEscape = found(json, "\\", nextEscape + 2)) {
          if (++escapes > most_escapes) return "payload_bytes";
          if (nextEscape + 1 === at) at = found(json, '"', at + 1);
        }
        break;
      case 0x5b: // [
      case 0x7b: // {
        if (++depth > json_depth) return "json_depth";
        values++;
        break;
      case 0x5d: // ]
      case 0x7d: // }
        depth--;
        break;
      case 0x2c: // ,
        if (++values > json_values) return "json_values";
    }
  }
  return null;
}

/** The first place of a character from `at` on. The length of the text if there is no more of it. */
function found(text: string, character: string, at: number): number {
  const place = text.indexOf(character, at);
  return place < 0 ? text.length : place;
}
