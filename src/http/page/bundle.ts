// A macro: its values are made at build time, so that the executable carries the page as text.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** A file of the page. Programs and styles come bundled. @throws Error when the bundler fails. */
export function pageFile(name: "main.tsx" | "page.css" | "page.html" | "icon.svg"): string {
  const path = fileURLToPath(new URL(`../../page/${name}`, import.meta.url));
  if (!/\.(tsx|css)$/.test(name)) return readFileSync(path, "utf8");
  const args = ["build", path, "--target=browser", "--format=esm", "--minify", "--production"];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`the page was not bundled: ${stderr}`);
  return stdout;
}
