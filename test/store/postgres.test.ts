import { afterAll, describe } from "bun:test";
import { removeFolders } from "../support/folder.ts";
import { freePort } from "../support/port.ts";
import { noPostgres, startPostgres } from "../support/postgres.ts";
import { contract } from "./contract.ts";
import { openAt } from "./open_at.ts";
import { indexUntilKilled, linesUntilKilled } from "./until_killed.ts";

const server = noPostgres === null ? await startPostgres(await freePort()) : undefined;

afterAll(async () => {
  await server?.kill();
  removeFolders();
});

describe.skipIf(server === undefined)("with a server of its own", () => {
  contract({
    name: "postgres",
    place() {
      let made: Promise<string> | undefined;
      const url = async () => {
        made ??= server?.database();
        return String(await made);
      };
      return {
        open: async ({ now, steady }) => openAt(await url(), { now, steady }),
        appendUntilKilled: async () => linesUntilKilled("append_until_killed.ts", await url()),
        answerUntilKilled: async () => linesUntilKilled("answer_until_killed.ts", await url()),
        indexUntilKilled: async () => indexUntilKilled(await url()),
      };
    },
  });
});
