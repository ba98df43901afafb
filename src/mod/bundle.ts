// A macro: its values are made at build time, so that the executable carries the plugin.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

/** A text of the plugin. */
export function pluginText(name: "skills/agent-event-bus/SKILL.md" | "README.md" | "../../LICENSE"): string {
  return readFileSync(pathOf(name), "utf8");
}

/** The mod in one module, gzipped, in base64. @throws Error when the bundler fails. */
export function packedMod(): string {
  // Claude Code reads the names `on` and `$` in the module, so they stay.
  const args = ["build", pathOf("register.ts"), "--target=browser", "--format=esm"];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`the mod was not bundled: ${stderr}`);
  return gzipSync(stdout, { level: 9 }).toString("base64");
}

function pathOf(name: string): string {
  return fileURLToPath(new URL(name, import.meta.url));
}
