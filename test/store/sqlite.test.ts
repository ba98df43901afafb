import { join } from "node:path";
import { lockDatabase, openStore } from "../../src/sqlite/store.ts";
import { tempFolder } from "../support/folder.ts";
import { contract } from "./contract.ts";

const CRASHING = join(import.meta.dir, "append_until_killed.ts");
const BEFORE_KILL = 40;

contract({
  name: "sqlite",
  place() {
    const path = join(tempFolder(), "data.db");
    return {
      open: async ({ now, steady }) => openStore(path, lockDatabase(path), { now, steady }),
      async appendUntilKilled() {
        const child = Bun.spawn([process.execPath, CRASHING, path], { stdout: "pipe" });
        let told = "";
        const decoder = new TextDecoder();
        for await (const bytes of child.stdout) {
          told += decoder.decode(bytes, { stream: true });
          if (told.split("\n").length > BEFORE_KILL) child.kill("SIGKILL");
        }
        await child.exited;
        return told.split("\n").slice(0, -1);
      },
    };
  },
});
