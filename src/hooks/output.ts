/**
 * Writes a line to stdout or stderr; it is out when this resolves, so what follows may say that it was shown. Rejects when
 * nobody reads there any more.
 */
export async function write(to: 1 | 2, text: string): Promise<void> {
  const { writeSync } = await import("node:fs");
  for (let rest = Buffer.from(`${text}\n`); rest.byteLength > 0; ) rest = rest.subarray(writeSync(to, rest));
}
