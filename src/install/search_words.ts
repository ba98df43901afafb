import type { Json } from "../lib/json.ts";

/** The line of `status` on the index of texts. Null if it is not behind. */
export function searchWords(search: unknown): string | null {
  if (typeof search !== "object" || search === null) return null;
  const [indexed, events] = [Number((search as Json).indexed), Number((search as Json).events)];
  const percent = Math.floor((100 * indexed) / events);
  return `indexes older events: ${percent} % (${shown(indexed)} of ${shown(events)})`;
}

function shown(count: number): string {
  return count.toLocaleString("en");
}
