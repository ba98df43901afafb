import { spawn } from "node:child_process";
import { accessSync, constants, statSync } from "node:fs";
import { basename, join } from "node:path";
import { succeeds } from "./attempt.ts";

export interface Ran {
  code: number;
  stdout: string;
  stderr: string;
}

/** Exit code of a program that could not be started. The reason stands in `stderr`. */
export const NOT_STARTED = -1;

const LONGEST_MS = 30_000;

interface Surroundings {
  env: Readonly<Record<string, string | undefined>>;
}

/** Runs a program to its end, without a shell. Kills it after `longestMs` (30 s). Never throws. */
export async function run(
  command: readonly [string, ...string[]],
  { env }: Surroundings,
  longestMs: number = LONGEST_MS,
  input = "",
): Promise<Ran> {
  const [file, ...args] = command;
  const ran = new Promise<Ran>((resolve, reject) => {
    const child = spawn(file, args, { env, stdio: "pipe", timeout: longestMs });
    const printed = { stdout: "", stderr: "" };
    for (const stream of ["stdout", "stderr"] as const)
      child[stream].setEncoding("utf8").on("data", (text: string) => {
        printed[stream] += text;
      });
    // The program may end before it has read its input.
    child.stdin.on("error", () => {}).end(input);
    child.on("error", reject);
    child.on("exit", (_code, signal) => {
      if (signal === null) return;
      printed.stderr += child.killed ? `did not finish within ${longestMs / 1000} s` : `ended by ${signal}`;
      // Its own child processes may hold them open.
      for (const stream of [child.stdout, child.stderr]) stream.destroy();
    });
    child.on("close", (code, signal) => resolve({ ...printed, code: code ?? (signal === null ? 1 : 128) }));
  });
  return ran.catch((error) => ({ code: NOT_STARTED, stdout: "", stderr: String(error) }));
}

/** Runs sub-commands of one program. */
export function subCommandsOf(program: readonly [string, ...string[]], surroundings: Surroundings) {
  const [file, ...fixed] = program;
  const failure = (ran: Ran, words: readonly string[]) =>
    new Error(`${[basename(file), ...fixed, ...words].join(" ")} failed: ${wordsOf(ran)}.`);
  const tries = (...words: string[]) => run([...program, ...words], surroundings);
  return {
    tries,
    failure,
    /** @throws Error with the program's words when it fails. */
    async does(...words: string[]): Promise<void> {
      const ran = await tries(...words);
      if (ran.code !== 0) throw failure(ran, words);
    },
  };
}

/** A program's words in one line, without the final full stop. */
export function wordsOf({ stderr, stdout, code }: Ran): string {
  return (stderr.trim() || stdout.trim() || `exit code ${code}`).replaceAll("\n", " ").replace(/\.$/, "");
}

/** The program of that name in the folders of PATH, then in further ones. */
export function findProgram(
  name: string,
  { path }: { path: readonly string[] },
  further: readonly string[] = [],
): string | undefined {
  const end = process.platform === "win32" ? ".exe" : "";
  return [...path, ...further].map((folder) => join(folder, name + end)).find(isProgram);
}

function isProgram(file: string): boolean {
  return succeeds(() => accessSync(file, constants.X_OK)) && statSync(file).isFile();
}
