import { expect } from "bun:test";
import { existsSync, readFileSync, writeFileSync } from "node:fs";

/** Expects a text to be that of a file. With GOLDEN=write the file is written, for a person to review. */
export function expectGolden(file: string, text: string): void {
  if (process.env.GOLDEN === "write") writeFileSync(file, text);
  expect(text).toBe(existsSync(file) ? readFileSync(file, "utf8") : "");
}
