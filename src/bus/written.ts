/** A value as it stands in an answer: as JSON, and once more inside a JSON text. */
export interface Written {
  json: string;
  /** What stands for `json` between the quotes of a JSON string. */
  quoted: string;
  /** Both in UTF-8. */
  bytes: number;
}

/** Longer ones are not worth their memory. */
const MOST_KEPT = 4_096;

const known = new WeakMap<object, Written>();

/** Made once in the life of an object, which must not change after that. */
export function written(value: object): Written {
  const kept = known.get(value);
  if (kept !== undefined) return kept;
  const json = JSON.stringify(value);
  const quoted = JSON.stringify(json).slice(1, -1);
  const made = { json, quoted, bytes: Buffer.byteLength(json) + Buffer.byteLength(quoted) };
  if (quoted.length <= MOST_KEPT) known.set(value, made);
  return made;
}
