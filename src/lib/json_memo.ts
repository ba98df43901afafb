/** A value as JSON, and once more inside a JSON text. */
export interface Text {
  json: string;
  /** What stands for `json` between the quotes of a JSON string. */
  quoted: string;
}

export interface Written extends Text {
  /** Both in UTF-8. */
  bytes: number;
}

/** Longer ones are not worth their memory, characters. */
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

/** What stands between the brackets of a list. */
export function writtenList(values: readonly object[]): Text {
  const each = values.map(written);
  return {
    json: each.map(({ json }) => json).join(","),
    quoted: each.map(({ quoted }) => quoted).join(","),
  };
}
