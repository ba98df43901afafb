import { resolve } from "node:path";
import { quoted } from "./escape.ts";

interface Shell {
  /** A folder of programs. */
  bin: string;
  /** Folders of PATH. */
  path: readonly string[];
  /** Path of the user's shell. */
  shell: string | undefined;
  home: string;
}

/** True if a folder is on PATH, however it is written there. */
export function isOnPath({ bin, path }: Pick<Shell, "bin" | "path">): boolean {
  return path.some((folder) => resolve(folder) === bin);
}

/** The shell command that puts the folder on PATH. Undefined if PATH has it. */
export function pathHint(config: Shell): string | undefined {
  const { bin, shell = "", home } = config;
  if (isOnPath(config)) return undefined;
  const told = `${bin} is not on your PATH.`;
  const name = shell.slice(shell.lastIndexOf("/") + 1);
  if (name === "fish") return `${told} Run: fish_add_path ${quoted(bin)}`;
  const bash = process.platform === "darwin" ? ".bash_profile" : ".bashrc";
  const profile = { zsh: ".zshrc", bash }[name] ?? ".profile";
  const line = bin.startsWith(`${home}/`) ? `$HOME${bin.slice(home.length)}` : bin;
  return `${told} Run this, then open a new terminal: echo 'export PATH="${line}:$PATH"' >> ~/${profile}`;
}
