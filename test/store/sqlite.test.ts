import { join } from "node:path";
import { tempFolder } from "../support/folder.ts";
import { contract } from "./contract.ts";
import { openAt } from "./open_at.ts";
import { indexUntilKilled, linesUntilKilled } from "./until_killed.ts";

contract({
  name: "sqlite",
  place() {
    const path = join(tempFolder(), "data.db");
    return {
      open: ({ now, steady }) => openAt(path, { now, steady }),
      appendUntilKilled: () => linesUntilKilled("append_until_killed.ts", path),
      answerUntilKilled: () => linesUntilKilled("answer_until_killed.ts", path),
      indexUntilKilled: () => indexUntilKilled(path),
    };
  },
});
