import { join } from "node:path";
import type { IndexProgress } from "../../src/domain/store.ts";

const BEFORE_KILL = 40;

/** Runs a program of this folder on a database, and kills it when it has printed enough. */
export async function linesUntilKilled(program: string, at: string): Promise<string[]> {
  const child = Bun.spawn([process.execPath, join(import.meta.dir, program), at], { stdout: "pipe" });
  let told = "";
  const decoder = new TextDecoder();
  for await (const bytes of child.stdout) {
    told += decoder.decode(bytes, { stream: true });
    if (told.split("\n").length > BEFORE_KILL) child.kill("SIGKILL");
  }
  await child.exited;
  return told.split("\n").slice(0, -1);
}

/** Fills the index of texts of a new database until some is in it. Resolves with how far it said it was. */
export async function indexUntilKilled(at: string): Promise<IndexProgress> {
  const program = join(import.meta.dir, "index_until_killed.ts");
  const child = Bun.spawn([process.execPath, program, at], { stdout: "pipe" });
  let last: IndexProgress = { upTo: 0, tip: 0 };
  let told = "";
  for await (const bytes of child.stdout) {
    told += new TextDecoder().decode(bytes);
    const lines = told.split("\n");
    told = lines.pop() ?? "";
    last = JSON.parse(lines.at(-1) ?? JSON.stringify(last));
    if (last.upTo > 0) child.kill("SIGKILL");
  }
  await child.exited;
  return last;
}
