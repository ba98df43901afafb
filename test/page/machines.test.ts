// Three real clients on two machines, one of them by a token, on one page.
import { afterAll, expect, test } from "bun:test";
import { hostname } from "node:os";
import { join } from "node:path";
import { atTerminal } from "../claude-code/converse.ts";
import { Desk, PATIENCE_MS } from "../claude-code/desk.ts";
import { startTalker } from "../claude-code/talker.ts";
import { tokenFor } from "../support/callers.ts";
import { removeFolders, tempFolder } from "../support/folder.ts";
import { skipsLan } from "../support/lan.ts";
import { layNeighbour, removeWires } from "../support/netns.ts";
import { eventually } from "../support/webhook.ts";
import { closeBrowsers, hasBrowser, signedIn, startBrowser } from "./real_page.ts";

const THERE = "devbox";
let desk: Desk | undefined;

afterAll(async () => {
  await closeBrowsers();
  await desk?.close();
  removeWires();
  removeFolders();
});

test.skipIf(!atTerminal || !hasBrowser || skipsLan("sessions of two machines on the page"))(
  "sessions of two machines are on one page, with their states, their reach and what they need",
  async () => {
    const folder = tempFolder(true);
    const token = tokenFor(join(folder, "data.db"), THERE);
    desk = await Desk.open({ folder, env: { HOST: "0.0.0.0" } });
    const { inside, host } = layNeighbour(THERE);
    const page = await signedIn(await startBrowser(), { url: `http://127.0.0.1:${desk.bus.port}/mcp` });
    const api = await desk.sitIdle("api");
    await desk.sitIdle("web");
    const remote = await desk.sit(
      "migrate",
      { AGENT_EVENT_BUS_URL: `http://${host}:${desk.bus.port}/mcp`, AGENT_EVENT_BUS_TOKEN: token },
      { inside, model: startTalker(undefined, host) },
    );
    await page.shows("3 sessions on 2 machines");
    for (const shown of ["api", "web", "migrate", THERE, hostname(), "wakes within 1 s"])
      await page.shows(shown);

    remote.model.use("Write", { file_path: join(remote.client.home, "there.txt"), content: "x" });
    await remote.terminal.say("please");
    await page.shows("wants to use Write");
    await page.shows("needs you");
    await page.click("Allow once");
    await eventually(
      "it is written",
      () => Bun.file(join(remote.client.home, "there.txt")).exists(),
      PATIENCE_MS,
    );

    api.model.say("The tables are ready");
    await api.terminal.say("go on");
    await page.shows("The tables are ready");
    await page.shows("Nobody needs you.");
    expect(await page.text()).not.toContain("unreachable");
    page.expectNoProblem();
  },
  300_000,
);
