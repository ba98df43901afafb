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
const BACKSLASH = 0x5c;

/** The bound that a JSON text exceeds, as a few words. Null if it is within all of them. */
export function jsonProblem(bytes: Uint8Array, limits: Limits): string | null {
  const over = overBound(bytes, limits);
  return over === null ? null : `more than ${limits[over]} ${BOUNDED[over]}${limitNote(over)}`;
}

/**
 * The bound that a JSON text exceeds, found in one walk over its bytes. Parsing a deep text, or one of many keys, would hold
 * up every other call for seconds. Text that is not JSON is left to the parser.
 */
function overBound(
  bytes: Uint8Array,
  { json_depth, json_values, payload_bytes }: Limits,
): keyof typeof BOUNDED | null {
  const { length } = bytes;
  const most_escapes = payload_bytes + OTHER_ESCAPES;
  let depth = 0;
  let values = 1;
  let escapes = 0;
  for (let at = 0; at < length; at++) {
    switch (bytes[at]) {
      case QUOTE:
        for (at++; at < length && bytes[at] !== QUOTE; at++)
          if (bytes[at] === BACKSLASH) {
            if (++escapes > most_escapes) return "payload_bytes";
            at++;
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
