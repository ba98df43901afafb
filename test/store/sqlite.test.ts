import { join } from "node:path";
import type { IndexProgress } from "../../src/domain/store.ts";
import { lockDatabase, openStore } from "../../src/sqlite/store.ts";
import { tempFolder } from "../support/folder.ts";
import { contract } from "./contract.ts";

const BEFORE_KILL = 40;
const INDEXING = join(import.meta.dir, "index_until_killed.ts");

contract({
  name: "sqlite",
  place() {
    const path = join(tempFolder(), "data.db");
    return {
      open: async ({ now, steady }) => openStore(path, lockDatabase(path), { now, steady }),
      appendUntilKilled: () => linesUntilKilled("append_until_killed.ts", path),
      answerUntilKilled: () => linesUntilKilled("answer_until_killed.ts", path),
      async indexUntilKilled() {
        const child = Bun.spawn([process.execPath, INDEXING, path], { stdout: "pipe" });
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
      },
    };
  },
});

/** Runs a program on a database, and kills it when it has printed enough. */
async function linesUntilKilled(program: string, path: string): Promise<string[]> {
  const child = Bun.spawn([process.execPath, join(import.meta.dir, program), path], { stdout: "pipe" });
  let told = "";
  const decoder = new TextDecoder();
  for await (const bytes of child.stdout) {
    told += decoder.decode(bytes, { stream: true });
    if (told.split("\n").length > BEFORE_KILL) child.kill("SIGKILL");
  }
  await child.exited;
  return told.split("\n").slice(0, -1);
}
