import { expect, test } from "bun:test";
import { chmodSync, mkdirSync, truncateSync, writeFileSync } from "node:fs";
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

test("what is not a file, or larger than settings can be, is not opened: a named pipe would be waited for", () => {
  const pipe = join(folder, "pipe");
  expect(Bun.spawnSync(["mkfifo", pipe]).exitCode).toBe(0);
  expect(() => textOf(pipe)).toThrow("it is not a file");
  expect(() => textOf("/dev/zero")).toThrow("it is not a file");
  truncateSync(file("large", ""), 1024 ** 3);
  expect(() => textOf(join(folder, "large"))).toThrow("it is larger than 1 MiB");
});
