import { expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { digestOf, holdsText, sameBytes } from "../../src/lib/files.ts";
import { tempFolder } from "../support/folder.ts";

const MEBIBYTE = 1024 * 1024;
const WORDS = "the words that are looked for";

function written(bytes: Buffer, name: string): string {
  const path = join(tempFolder(), name);
  writeFileSync(path, bytes);
  return path;
}

/** Bytes with the words at that place. */
function withWords(size: number, at: number): Buffer {
  const bytes = Buffer.alloc(size, "x");
  bytes.write(WORDS, at);
  return bytes;
}

test.each([0, 1, MEBIBYTE - 1, MEBIBYTE, 3 * MEBIBYTE + 17])(
  "the digest of a file of %d bytes is that of its kind and all of its bytes",
  (size) => {
    const bytes = Buffer.from(Uint8Array.from({ length: size }, (_, i) => i * 7 + (i >> 12)));
    const expected = createHash("sha256").update("file").update(bytes).digest("hex");
    expect(digestOf(written(bytes, "file"))).toBe(expected);
  },
);

test("words are found wherever they stand in a large file", () => {
  const size = 2 * MEBIBYTE + WORDS.length;
  const places = [0, 5, MEBIBYTE - WORDS.length, MEBIBYTE, MEBIBYTE + 1, size - WORDS.length];
  const across = Array.from({ length: WORDS.length }, (_, i) => MEBIBYTE - i);
  const last = Array.from({ length: WORDS.length }, (_, i) => 2 * MEBIBYTE - i);
  for (const at of [...places, ...across, ...last])
    expect([at, holdsText(written(withWords(size, at), "file"), WORDS)]).toEqual([at, true]);
});

test("words that the file lacks are not found, nor are words that it holds in part", () => {
  expect(holdsText(written(Buffer.alloc(3 * MEBIBYTE, "x"), "file"), WORDS)).toBe(false);
  expect(holdsText(written(withWords(3 * MEBIBYTE, MEBIBYTE - 5), "file"), `${WORDS}?`)).toBe(false);
  expect(holdsText(written(Buffer.from(WORDS.slice(1)), "file"), WORDS)).toBe(false);
  expect(holdsText(written(Buffer.from(WORDS), "file"), WORDS)).toBe(true);
});

test("two large files are the same if every byte is", () => {
  const bytes = withWords(2 * MEBIBYTE + 3, 7);
  const one = written(bytes, "one");
  expect(sameBytes(one, written(bytes, "other"))).toBe(true);
  for (const at of [0, MEBIBYTE - 1, MEBIBYTE, bytes.length - 1]) {
    const changed = Buffer.from(bytes);
    changed.writeUInt8(changed.readUInt8(at) ^ 1, at);
    expect([at, sameBytes(one, written(changed, "other"))]).toEqual([at, false]);
  }
  expect(sameBytes(one, written(bytes.subarray(1), "other"))).toBe(false);
});
