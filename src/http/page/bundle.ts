// A macro: its values are made at build time, so that the executable carries the page, compressed.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

type Name = "main.tsx" | "page.css" | "page.html" | "icon.svg";

/** A file of the page, gzipped, in base64. Programs and styles come bundled. @throws Error when the bundler fails. */
export function pageFile(name: Name): string {
  return gzipSync(textOf(name), { level: 9 }).toString("base64");
}

function textOf(name: Name): string {
  const path = fileURLToPath(new URL(`../../page/${name}`, import.meta.url));
  if (!/\.(tsx|css)$/.test(name)) return readFileSync(path, "utf8");
  const args = ["build", path, "--target=browser", "--format=esm", "--minify", "--production"];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`the page was not bundled: ${stderr}`);
  return stdout;
}
