import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Claude, findClaude } from "../claude-code/client.ts";
import { tempFolder } from "./folder.ts";

/** A folder for PATH with the real command `claude`, kept off the network; undefined when it cannot be had here. */
export async function claudeCommand(): Promise<string | undefined> {
  const file = await findClaude();
  if (file === undefined) return undefined;
  const { HOME: _, USERPROFILE: __, PATH: ___, ...env } = new Claude(file, "").env;
  const lines = Object.entries(env).map(([name, value]) => `export ${name}='${value}'`);
  const bin = join(tempFolder(), "claude-bin");
  mkdirSync(bin);
  writeFileSync(join(bin, "claude"), ["#!/bin/sh", ...lines, `exec '${file}' "$@"`, ""].join("\n"));
  chmodSync(join(bin, "claude"), 0o755);
  return bin;
}
