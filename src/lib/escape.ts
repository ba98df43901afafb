// Characters that could move a cursor, recolour, reorder or hide text. These are C0 except tab and newline, DEL, C1, bidi
// controls, zero-width and tag characters, line separators and lone surrogates.
const UNSAFE =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]|[\u{e0000}-\u{e007f}]|\p{Surrogate}/gu;

function escaped(character: string): string {
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
  return isPlain(text) ? text : text.replaceAll("\r\n", "\n").replace(UNSAFE, escaped);
}

/** The same for one line: newlines become ⏎, tabs spaces. A text of over `columns` characters ends in an ellipsis. */
export function visibleLine(text: string, columns = Number.POSITIVE_INFINITY): string {
  if (text.length <= columns && isPlain(text)) return text;
  const cut = text.length > columns * 4 ? text.slice(0, columns * 4) : text;
  if (isPlain(cut)) return `${cut.slice(0, columns - 1)}…`;
  const line = visible(cut).replaceAll("\n", "⏎").replaceAll("\t", " ");
  const characters = Number.isFinite(columns) ? Array.from(line) : [];
  return characters.length > columns ? `${characters.slice(0, columns - 1).join("")}…` : line;
}

/** JSON that is safe for a terminal: the same characters become \u escapes. On one line without `indent`. */
export function visibleJson(value: unknown, indent = 0): string {
  return JSON.stringify(value, null, indent).replace(UNSAFE, (character) =>
    Array.from(
      { length: character.length },
      (_, i) => `\\u${character.charCodeAt(i).toString(16).padStart(4, "0")}`,
    ).join(""),
  );
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
