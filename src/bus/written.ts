/** A value as JSON, and once more inside a JSON text. */
export interface Text {
  json: string;
  /** What stands for `json` between the quotes of a JSON string. */
  quoted: string;
}

/** The same in UTF-8. */
export interface Encoded {
  json: Uint8Array;
  quoted: Uint8Array;
}

export interface Written extends Text {
  /** Both in UTF-8. */
  bytes: number;
}

/** Longer ones are not worth their memory, characters. */
const MOST_KEPT = 4_096;
const MOST_KEPT_LIST = 64 * 1024;

const known = new WeakMap<object, Written>();
const knownLists = new WeakMap<readonly object[], Text | Encoded>();

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

/** What stands between the brackets of a list; encoded for lists that were asked for before. */
export function writtenList(values: readonly object[]): Text | Encoded {
  const kept = knownLists.get(values);
  if (kept !== undefined) {
    const encoded = { json: inUtf8(kept.json), quoted: inUtf8(kept.quoted) };
    if (encoded.json !== kept.json) knownLists.set(values, encoded);
    return encoded;
  }
  const each = values.map(written);
  const text = {
    json: each.map(({ json }) => json).join(","),
    quoted: each.map(({ quoted }) => quoted).join(","),
  };
  if (text.quoted.length <= MOST_KEPT_LIST) knownLists.set(values, text);
  return text;
}

function inUtf8(text: string | Uint8Array): Uint8Array {
  return typeof text === "string" ? Buffer.from(text) : text;
}
