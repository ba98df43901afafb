import { boundaryAt } from "../lib/graphemes.ts";

// Hot path: a regular expression of the module itself would cost every command a tenth of its page faults.

/** Our own color codes, which take no place, and single characters. */
function piecesOf(text: string): readonly string[] {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: color codes begin with one
  return text.match(/\x1b\[\d+m|./gsu) ?? [];
}

function widthOfPiece(piece: string): number {
  if (piece.startsWith("\x1b[") || /[\p{Mark}\u200d]/u.test(piece)) return 0;
  return /\p{Emoji_Presentation}|[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{20000}-\u{3fffd}]/u.test(
    piece,
  )
    ? 2
    : 1;
}

/** Hot path: true for texts of which every character takes one column. Spares most commands the expressions above. */
function isNarrow(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    const isLatin = (code >= 0x20 && code < 0x7f) || (code >= 0xa0 && code < 0x300);
    const isMark = code === 0x2026 || code === 0x2192 || code === 0x2713;
    if (!isLatin && !isMark) return false;
  }
  return true;
}

/** The columns that a text takes on a terminal. */
export function widthOf(text: string): number {
  if (isNarrow(text)) return text.length;
  let columns = 0;
  for (const piece of piecesOf(text)) columns += widthOfPiece(piece);
  return columns;
}

/** The start of a text, with an ellipsis, in at most `columns` columns. A shorter text stays. Colors end with it. */
export function cutTo(text: string, columns: number): string {
  if (widthOf(text) <= columns) return text;
  let [taken, end] = [0, 0];
  for (const piece of piecesOf(text)) {
    const width = widthOfPiece(piece);
    if (taken + width > columns - 1) break;
    taken += width;
    end += piece.length;
  }
  const kept = text.slice(0, boundaryAt(text, end));
  return `${kept.trimEnd()}…${kept.includes("\x1b[") ? "\x1b[0m" : ""}`;
}
