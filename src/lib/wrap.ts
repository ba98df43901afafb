/** Breaks a text between its words into lines of at most `width` characters. A longer word has a line of its own. */
export function wrapped(text: string, width: number): string[] {
  return filled(text.split(" "), width);
}

/** The same for a message. A command at its end, behind a colon, stays whole so that it can be copied. */
export function wrappedMessage(text: string, width: number): string[] {
  const at = text.lastIndexOf(": ") + 1;
  const end = text.slice(at + 1);
  const isCommand = end.length <= width || !end.includes(", ");
  return at > 0 && isCommand ? filled([...text.slice(0, at).split(" "), end], width) : wrapped(text, width);
}

function filled(words: readonly string[], width: number): string[] {
  const lines: string[] = [];
  for (const word of words) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= width) lines.splice(-1, 1, `${last} ${word}`);
    else lines.push(word);
  }
  return lines;
}
