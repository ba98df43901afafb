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

test("what comes from a named pipe is read, not lost", async () => {
  const path = join(folder, "pipe");
  expect(Bun.spawnSync(["mkfifo", path]).exitCode).toBe(0);
  const module = join(import.meta.dir, "../../src/runtime/file.ts");
  const script = `const { textOf } = await import(${JSON.stringify(module)}); process.stdout.write(textOf(${JSON.stringify(path)}) ?? "none");`;
  const reader = Bun.spawn([process.execPath, "-e", script], { stdout: "pipe", timeout: 20_000 });
  const writer = Bun.spawn(["sh", "-c", 'printf "A=1\\n" > "$1"', "sh", path], { timeout: 20_000 });
  expect(await new Response(reader.stdout).text()).toBe("A=1\n");
  expect(await writer.exited).toBe(0);
});
