/** Text that would do something to a terminal, a log or a reader if it were shown raw; no tab and no newline. */
export const HOSTILE = [
  "\x1b]0;owned title\x07",
  "\x1b]8;;http://evil.example\x1b\\click\x1b]8;;\x1b\\",
  "\x1b]52;c;ZXZpbA==\x07",
  "\x1b[2J\x1b[H",
  "\x1b[31mred\x1b[0m",
  "\x1bP+q544e\x1b\\",
  "\x1b_apc\x1b\\\x1b^pm\x1b\\\x1bXsos\x1b\\",
  "\x9b2J",
  "\x9d0;c1 title\x9c",
  "\x90dcs\x9c\x84\x85\x8d",
  "harmless\rOVERWRITTEN",
  "back\b\b\b\bspace",
  "\x00\x01\x02\x03\x04\x05\x06\x0b\x0c\x0e\x0f\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19\x1a\x1c\x1d\x1e\x1f\x7f",
  "\u202egnp.exe\u202c\u202d\u202a\u202b",
  "\u2066isolate\u2067\u2068\u2069",
  "\u200b\u200c\u200d\u200e\u200f\u2060\ufeff\u061c",
  "\u2028line\u2029paragraph",
  "\u{e0001}\u{e0041}\u{e0042}\u{e007f}",
] as const;

export const ALL_HOSTILE = HOSTILE.join(" ");

/** What must not reach a terminal or a log: C0 but the newline, DEL, C1, bidi controls, zero-width and tag characters. */
const UNSAFE =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what it looks for
  /[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]|[\u{e0000}-\u{e007f}]/gu;

/** The code points of the unsafe characters in a text, like `U+001B`. */
export function unsafeIn(text: string): string[] {
  const found = text.match(UNSAFE) ?? [];
  return found.map(
    (character) => `U+${character.codePointAt(0)?.toString(16).toUpperCase().padStart(4, "0")}`,
  );
}
