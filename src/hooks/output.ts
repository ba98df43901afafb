/**
 * Writes a line to stdout or stderr; it is out when this returns, so what follows may say that it was shown. Throws when
 * nobody reads there any more.
 */
export function write(to: 1 | 2, text: string): void {
  const { writeSync } = process.getBuiltinModule("node:fs");
  for (let rest = Buffer.from(`${text}\n`); rest.byteLength > 0; ) rest = rest.subarray(writeSync(to, rest));
}
