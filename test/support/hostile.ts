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
  "hy\u00adphen j\u034foin \u115f\u1160\u17b4\u17b5\u3164\uffa0 \u180e\u206a\u206f",
  "a\ufe00b\ufe0ec\ufe0fd\u{e0100}\u{e01ef}",
  "\u{1f995}\ufe0f\ufe0f\ufe0e\u200d\u200d",
] as const;

export const ALL_HOSTILE = HOSTILE.join(" ");

/** Format characters that a reader sees, because they are drawn around or before digits and letters. */
const SEEN = /[\u0600-\u0605\u06dd\u070f\u0890\u0891\u08e2\u{110bd}\u{110cd}]/u;

/** What Unicode itself calls a control, a format or a default-ignorable character, a line separator or half a pair. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/u;

/** True for a character that must not reach a reader as it is. Only a newline and a tab may. */
export function isHidden(character: string): boolean {
  return character !== "\n" && character !== "\t" && UNSEEN.test(character) && !SEEN.test(character);
}

const PICTOGRAPH = "\\p{Extended_Pictographic}\\p{Emoji_Modifier}?\\ufe0f?";
/** Pictographs in one, an emoji with its style, and a keycap. */
const EMOJI = new RegExp(`${PICTOGRAPH}(\\u200d${PICTOGRAPH})*|[#*0-9]\\ufe0f\\u20e3`, "gu");

/** The code points of the unsafe characters in a text, like `U+001B`. A tab is one too. */
export function unsafeIn(text: string): string[] {
  const found = Array.from(text.replace(EMOJI, "")).filter((one) => isHidden(one) || one === "\t");
  return found.map(
    (character) => `U+${character.codePointAt(0)?.toString(16).toUpperCase().padStart(4, "0")}`,
  );
}
