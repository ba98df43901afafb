/** Below U+0300 no character belongs to the one before it, but for the newline of a CRLF. */
const FIRST_MARK = 0x300;

/** Made at its first use, which takes 1 ms. */
let segmenter: Intl.Segmenter | undefined;

/** True if two UTF-16 units belong to two graphemes, whatever stands around them. */
function areApart(before: number, after: number): boolean {
  return before < FIRST_MARK && after < FIRST_MARK && !(before === 0x0d && after === 0x0a);
}

/** The last boundary between graphemes at or before an index. Graphemes are the characters that a reader sees. */
export function boundaryAt(text: string, index: number): number {
  if (index === 0 || index >= text.length) return index;
  if (areApart(text.charCodeAt(index - 1), text.charCodeAt(index))) return index;
  segmenter ??= new Intl.Segmenter();
  // A boundary depends on all before it and on one character behind it.
  return segmenter.segment(text.slice(0, index + 2)).containing(index)?.index ?? index;
}

/** The beginning of a text, at most `most` characters. Ends between graphemes. */
export function beginning(text: string, most: number): string {
  if (text.length <= most) return text;
  let to = 0;
  for (let count = 0; count < most && to < text.length; count++)
    to += (text.codePointAt(to) ?? 0) > 0xffff ? 2 : 1;
  return to === text.length ? text : text.slice(0, boundaryAt(text, to));
}

/** The same for at most `most` bytes of UTF-8. */
export function beginningBytes(text: string, most: number): string {
  let [to, size] = [0, 0];
  while (to < text.length) {
    const code = text.codePointAt(to) ?? 0;
    size += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    if (size > most) return text.slice(0, boundaryAt(text, to));
    to += code > 0xffff ? 2 : 1;
  }
  return text;
}

/** The beginning in characters with an ellipsis behind it if there is more. */
export function excerpt(text: string, most: number): string {
  const start = beginning(text, most);
  return start.length === text.length ? text : `${start}…`;
}

/** The text if it has at most `most` characters, else its beginning with an ellipsis. */
export function shortened(text: string, most: number): string {
  const start = beginning(text, most);
  return start.length === text.length ? text : `${beginning(text, most - 1)}…`;
}
