import { HIDDEN, isInEmoji } from "../lib/escape.ts";
import { beginning, excerpt } from "../lib/graphemes.ts";

/** Characters that are drawn as signs: hidden ones, and the tab. */
const DRAWN = new RegExp(`${HIDDEN.source}|\\t`, "gu");

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
    if (isInEmoji(found, index, text) || joinsLetters(found, index, text)) continue;
    if (index > from) pieces.push({ text: text.slice(from, index) });
    pieces.push(signOf(found));
    from = index + found.length;
  }
  if (from < text.length || pieces.length === 0) pieces.push({ text: text.slice(from) });
  return pieces;
}

function foundIn(text: string, exact: boolean): RegExpExecArray[] {
  const found = [...text.matchAll(DRAWN), ...(exact ? text.matchAll(SPACES) : [])];
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

/** Letters and marks of scripts whose words need zero-width joiners and non-joiners. */
const JOINED = `(?=[\\p{L}\\p{M}])[${[
  ...["Arabic", "Bengali", "Devanagari", "Gujarati", "Gurmukhi", "Kannada"],
  ...["Malayalam", "Oriya", "Sinhala", "Syriac", "Tamil", "Telugu"],
]
  .map((script) => `\\p{Script=${script}}`)
  .join("")}]`;
const LETTER_BEFORE = new RegExp(`${JOINED}$`, "u");
const LETTER_AFTER = new RegExp(`^${JOINED}`, "u");

function joinsLetters(found: string, index: number, text: string): boolean {
  if (found !== "\u200c" && found !== "\u200d") return false;
  return LETTER_BEFORE.test(text[index - 1] ?? "") && LETTER_AFTER.test(text[index + 1] ?? "");
}

/** Plain text for names that a screen reader says, and for titles. */
export function plain(text: string): string {
  return piecesOf(text.replace(/\s+/g, " "))
    .map((piece) => piece.text)
    .join("");
}

/** The start of a text on one line. */
export function lineOf(text: string, most = 260): string {
  const line = beginning(text, most * 2)
    .replace(/[\n\t\r ]+/g, " ")
    .trim();
  return excerpt(line, most);
}
