import { shortened } from "./graphemes.ts";

/**
 * Characters that could move a cursor, recolour, reorder or hide text, and lone surrogates. These are controls but for the tab
 * and the newline, and all that Unicode calls format or default-ignorable, but for the visible signs among them.
 */
export const HIDDEN =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
  // biome-ignore lint/suspicious/noMisleadingCharacterClass: each code point is looked for by itself
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\u{13430}-\u{1343f}\u{1bca0}-\u{1bca3}\u{1d173}-\u{1d17a}\u{e0000}-\u{e0fff}]|\p{Surrogate}/gu;

const JOINER = "\u200d";
const EMOJI_STYLE = "\ufe0f";
const KEYCAP = "\u20e3";

/** True for a zero-width joiner between two pictographs, and for the emoji style of a pictograph or a keycap. */
export function isInEmoji(character: string, index: number, text: string): boolean {
  if (character !== JOINER && character !== EMOJI_STYLE) return false;
  const before = text.slice(Math.max(0, index - 5), index);
  // Regular expressions of the module would cost every command some page faults.
  if (character === EMOJI_STYLE && text[index + 1] === KEYCAP && /[#*0-9]$/.test(before)) return true;
  return character === EMOJI_STYLE
    ? /\p{Extended_Pictographic}$/u.test(before)
    : /\p{Extended_Pictographic}\p{Emoji_Modifier}?\ufe0f?$/u.test(before) &&
        /^\p{Extended_Pictographic}/u.test(text.slice(index + 1, index + 3));
}

function escaped(character: string, index: number, text: string): string {
  if (isInEmoji(character, index, text)) return character;
  const code = character.codePointAt(0) ?? 0;
  if (code < 0x20) return String.fromCodePoint(0x2400 + code);
  if (code === 0x7f) return "\u2421";
  if (code <= 0xff) return `\\x${code.toString(16).padStart(2, "0")}`;
  return code <= 0xffff ? `\\u${code.toString(16).padStart(4, "0")}` : `\\u{${code.toString(16)}}`;
}

/** Hot path: true for most short texts. The first use of a regular expression costs a command more than this loop. */
function isPlain(text: string): boolean {
  if (text.length > 200) return false;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < 0x20 || code > 0x7e) return false;
  }
  return true;
}

/** Makes untrusted text safe for a terminal: control and invisible characters become visible. Tabs and newlines stay. */
export function visible(text: string): string {
  return isPlain(text) ? text : text.replaceAll("\r\n", "\n").replace(HIDDEN, escaped);
}

/** The same for one line: newlines become ⏎, tabs spaces. A text of over `columns` characters ends in an ellipsis. */
export function visibleLine(text: string, columns = Number.POSITIVE_INFINITY): string {
  if (text.length <= columns && isPlain(text)) return text;
  const cut = text.length > columns * 4 ? text.slice(0, columns * 4) : text;
  if (isPlain(cut)) return `${cut.slice(0, columns - 1)}…`;
  const line = visible(cut).replaceAll("\n", "⏎").replaceAll("\t", " ");
  return Number.isFinite(columns) ? shortened(line, columns) : line;
}

const MOST_TOLD = 8;
const MOST_LOOKED_AT = 1_000;

/** The hidden characters of a text as `U+202E`, each once, at most eight. Those of line ends and emojis do not count. */
export function hiddenIn(text: string): string[] {
  if (isPlain(text) || text.search(HIDDEN) < 0) return [];
  const found = new Set<string>();
  let looked = 0;
  for (const { 0: character, index } of text.matchAll(HIDDEN)) {
    if (++looked > MOST_LOOKED_AT || found.size === MOST_TOLD) break;
    if (isInEmoji(character, index, text) || (character === "\r" && text[index + 1] === "\n")) continue;
    found.add(`U+${character.codePointAt(0)?.toString(16).toUpperCase().padStart(4, "0")}`);
  }
  return [...found];
}

/** JSON that is safe for a terminal: the same characters become \u escapes. On one line without `indent`. */
export function visibleJson(value: unknown, indent = 0): string {
  return JSON.stringify(value, null, indent).replace(HIDDEN, escapedInJson);
}

function escapedInJson(character: string, index: number, text: string): string {
  if (isInEmoji(character, index, text)) return character;
  return Array.from(
    { length: character.length },
    (_, i) => `\\u${character.charCodeAt(i).toString(16).padStart(4, "0")}`,
  ).join("");
}

/** `1 event`, `2 events`. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

/** Quotes a path for a shell if necessary. */
export function quoted(path: string): string {
  return /^[\w@%+=:,./-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}

/** Text for XML and for the markup of notifications. */
export function markup(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
