/** Length of a text in UTF-8 (bytes). Unlike Node's `Buffer`, there in the client's own environment too. */
export function byteLength(text: string): number {
  return new TextEncoder().encode(text).length;
}
