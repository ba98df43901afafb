/** Length of the first words of a text (characters). */
export const MOST_WORDS = 120;
/** A text may begin with white space. */
const MOST_READ = 50 * MOST_WORDS;

/** The beginning of a text in one line, cut between words. Undefined if the text says nothing. */
export function firstWords(text: string): string | undefined {
  const line = text.slice(0, MOST_READ).replace(/\s+/gu, " ").trim();
  const characters = Array.from(line);
  if (characters.length <= MOST_WORDS) return line || undefined;
  const start = characters.slice(0, MOST_WORDS - 1).join("");
  const end = characters[MOST_WORDS - 1] === " " ? start.length : start.lastIndexOf(" ");
  return `${start.slice(0, end > 0 ? end : start.length)}…`;
}
