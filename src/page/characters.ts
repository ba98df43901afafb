/**
 * Characters that show nothing, or change how others are shown. These are controls, bidi and zero-width characters, fillers,
 * variation and tag characters, line separators and lone surrogates.
 */
const HIDDEN =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
  // biome-ignore lint/suspicious/noMisleadingCharacterClass: each code point is looked for by itself
  /[\u0000-\u001f\u007f-\u009f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufe00-\ufe0e\ufeff\uffa0\ufff0-\ufffb]|[\u{1bca0}-\u{1bca3}\u{1d173}-\u{1d17a}\u{e0000}-\u{e0fff}]|\p{Surrogate}/gu;

/** Spaces that are not the usual one. A program may take them for a part of a word. */
const SPACES = /[\u00a0\u1680\u2000-\u200a\u202f\u205f\u2800\u3000]/g;

/** A piece of a text. `sign`: how a hidden character is drawn. */
export interface Piece {
  text: string;
  sign?: "mild" | "bad";
  /** For people: `tab`. */
  name?: string;
}

/** Cuts a text at its hidden characters. Newlines stay as they are. `exact`: at unusual spaces too. */
export function piecesOf(text: string, exact = false): Piece[] {
  const pieces: Piece[] = [];
  let from = 0;
  for (const { 0: found, index } of foundIn(text, exact)) {
    if (found === "\n" || isNeeded(text, found, index)) continue;
    if (index > from) pieces.push({ text: text.slice(from, index) });
    pieces.push(signOf(found));
    from = index + found.length;
  }
  if (from < text.length || pieces.length === 0) pieces.push({ text: text.slice(from) });
  return pieces;
}

function foundIn(text: string, exact: boolean): RegExpExecArray[] {
  const found = [...text.matchAll(HIDDEN), ...(exact ? text.matchAll(SPACES) : [])];
  return exact ? found.sort((a, b) => a.index - b.index) : found;
}

function signOf(character: string): Piece {
  if (character === "\t") return { text: "⇥ ", sign: "mild", name: "tab" };
  if (character === "\r") return { text: "␍", sign: "mild", name: "carriage return" };
  const code = (character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0");
  const isSpace = new RegExp(SPACES.source).test(character);
  return isSpace
    ? { text: "⍽", sign: "mild", name: `space U+${code}` }
    : { text: `U+${code}`, sign: "bad", name: "hidden character" };
}

/** Characters that a zero-width joiner or non-joiner may stand after: pictographs, and scripts that need it. */
const JOINED =
  /[\p{Extended_Pictographic}\p{Emoji_Modifier}\p{Script=Arabic}\p{Script=Devanagari}\p{M}]\ufe0f?$/u;

function isNeeded(text: string, found: string, index: number): boolean {
  return (found === "\u200c" || found === "\u200d") && JOINED.test(text.slice(Math.max(0, index - 4), index));
}

/** Plain text for names that a screen reader says, and for titles. */
export function plain(text: string): string {
  return piecesOf(text.replace(/\s+/g, " "))
    .map((piece) => piece.text)
    .join("");
}

/** The start of a text on one line. */
export function lineOf(text: string, most = 260): string {
  const cut = text
    .slice(0, most * 2)
    .replace(/[\n\t\r ]+/g, " ")
    .trim();
  return cut.length > most ? `${cut.slice(0, most)}…` : cut;
}
