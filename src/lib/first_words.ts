import { beginning } from "./graphemes.ts";

/** Length of the first words of a text (characters). */
export const MOST_WORDS = 120;
/** A text may begin with white space. */
const MOST_READ = 50 * MOST_WORDS;

/** The beginning of a text in one line, cut between words. Undefined if the text says nothing. */
export function firstWords(text: string): string | undefined {
  const line = beginning(text, MOST_READ).replace(/\s+/gu, " ").trim();
  if (beginning(line, MOST_WORDS) === line) return line || undefined;
  const start = beginning(line, MOST_WORDS - 1);
  const end = line[start.length] === " " ? start.length : start.lastIndexOf(" ");
  return `${start.slice(0, end > 0 ? end : start.length)}…`;
}
