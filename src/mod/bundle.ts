// A macro: its values are made at build time, so that the executable carries the plugin as text.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** A file of the plugin. The mod comes bundled. @throws Error when the bundler fails. */
export function pluginText(
  name: "register.ts" | "skills/agent-event-bus/SKILL.md" | "README.md" | "../../LICENSE",
): string {
  const path = fileURLToPath(new URL(name, import.meta.url));
  if (!name.endsWith(".ts")) return readFileSync(path, "utf8");
  // Claude Code reads the names `on` and `$` in the module, so they stay.
  const args = ["build", path, "--target=browser", "--format=esm"];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`the mod was not bundled: ${stderr}`);
  return stdout;
}
