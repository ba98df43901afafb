import { expect, test } from "bun:test";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { textOf } from "../../src/runtime/file.ts";
import { tempFolder } from "../support/folder.ts";

const folder = tempFolder();
const file = (name: string, content: string) => {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
};

test("a file's text, one that is empty and one that is write-protected too", () => {
  expect(textOf(file("text", "A=1\nB=ä…\r\n"))).toBe("A=1\nB=ä…\r\n");
  expect(textOf(file("empty", ""))).toBe("");
  const path = file("protected", "A=1\n");
  chmodSync(path, 0o400);
  expect(textOf(path)).toBe("A=1\n");
});

test("no file has no text, and what is no file says so", () => {
  expect(textOf(join(folder, "absent"))).toBeUndefined();
  mkdirSync(join(folder, "folder"));
  expect(() => textOf(join(folder, "folder"))).toThrow("EISDIR");
});
