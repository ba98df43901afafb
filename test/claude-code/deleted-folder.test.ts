import { afterAll, expect } from "bun:test";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { fresh } from "../support/agent.ts";
import { removeFolders } from "../support/folder.ts";
import { testAtTerminal } from "./converse.ts";
import { Desk, heard } from "./desk.ts";

const TIMEOUT_MS = 120_000;
let desk: Desk | undefined;

afterAll(async () => {
  await desk?.close();
  removeFolders();
});

for (const connected of ["hooks", "mod"] as const)
  testAtTerminal(
    `a session whose folder was deleted gets its messages, at its prompt and while it is idle (${connected})`,
    async () => {
      desk ??= await Desk.open();
      const name = `gone-${connected}`;
      const place = await desk.sitIdle(name, undefined, { connected });
      rmSync(join(place.client.home, name), { recursive: true });
      const woken = fresh("woken by");
      await desk.tell(name, woken);
      await heard(place, woken);
      await desk.idle(name);
      await place.terminal.say("go on");
      await heard(place, "go on");
      await desk.idle(name);
      const again = fresh("woken again by");
      await desk.tell(name, again);
      await heard(place, again);
      expect(place.model.count(again)).toBe(1);
    },
    TIMEOUT_MS,
  );
