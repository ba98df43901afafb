import { HIDDEN } from "../lib/escape.ts";
import { beginning } from "../lib/graphemes.ts";

/**
 * A foreign name in a plain alphabet: letters and digits of any script, and `@._/+-`. Everything else becomes a space, so that
 * a name cannot quote, open a tag or end a line. At most `most` characters. Empty if nothing of the name is left.
 */
export function plainName(name: string, most: number): string {
  const plain = beginning(name, most * 4)
    .replace(HIDDEN, " ")
    .replace(/[^\p{L}\p{M}\p{N}@._/+-]+/gu, " ")
    .trim();
  return beginning(plain, most).trim();
}
