import { spawn } from "node:child_process";
import { accessSync, constants, statSync } from "node:fs";
import { join } from "node:path";
import type { InstallConfig } from "../config/client.ts";

export interface Ran {
  code: number;
  stdout: string;
  stderr: string;
}

const LONGEST_MS = 30_000;

/** Runs a program to its end, without a shell; one that takes longer (30 s) is killed. Throws when it cannot start. */
export async function run(
  command: readonly [string, ...string[]],
  { env }: InstallConfig,
  longestMs: number = LONGEST_MS,
  input = "",
): Promise<Ran> {
  const [file, ...args] = command;
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { env, stdio: "pipe", timeout: longestMs });
    const printed = { stdout: "", stderr: "" };
    for (const stream of ["stdout", "stderr"] as const)
      child[stream].setEncoding("utf8").on("data", (text: string) => {
        printed[stream] += text;
      });
    // It may end without having read it.
    child.stdin.on("error", () => {}).end(input);
    child.on("error", reject);
    child.on("exit", (_code, signal) => {
      if (signal === null) return;
      printed.stderr += child.killed ? `It did not end within ${longestMs / 1000} s.` : `${signal} ended it.`;
      // What it started in turn may hold them open.
      for (const stream of [child.stdout, child.stderr]) stream.destroy();
    });
    child.on("close", (code, signal) => resolve({ ...printed, code: code ?? (signal === null ? 1 : 128) }));
  });
}

/** The program of that name in the folders of PATH, then in further ones; undefined when there is none. */
export function findProgram(
  name: string,
  config: InstallConfig,
  further: readonly string[] = [],
): string | undefined {
  const end = process.platform === "win32" ? ".exe" : "";
  return [...config.path, ...further].map((folder) => join(folder, name + end)).find(isProgram);
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}
