import { expect, test } from "bun:test";
import { formatCursor, parseCursor } from "../../src/domain/cursor.ts";

const parsed: [text: string | null | undefined, id: number | null][] = [
  ["0", 0],
  ["42", 42],
  ["0042", 42],
  [" 7\n", 7],
  ["9007199254740991", 9007199254740991],
  ["9007199254740992", null],
  ["99999999999999999999", null],
  ["-1", null],
  ["+1", null],
  ["1.0", null],
  ["1e3", null],
  ["0x10", null],
  ["", null],
  [" ", null],
  ["1 2", null],
  ["null", null],
  ["٤٢", null],
  [null, null],
  [undefined, null],
];

for (const [text, id] of parsed)
  test(`the cursor ${JSON.stringify(text)} is ${id === null ? "none" : `event ${id}`}`, () => {
    expect(parseCursor(text)).toBe(id);
  });

test("a cursor that was written reads back as the same event", () => {
  for (const id of [0, 1, 123_456, Number.MAX_SAFE_INTEGER]) expect(parseCursor(formatCursor(id))).toBe(id);
});
