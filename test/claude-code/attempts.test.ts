// A real client tries to answer for its user, and to let itself do so.
import { afterAll, expect } from "bun:test";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { quoted } from "../../src/lib/escape.ts";
import { openTokens } from "../../src/tokens/token_files.ts";
import { fresh } from "../support/agent.ts";
import { binary } from "../support/binary.ts";
import { cliOnTerminal } from "../support/cli.ts";
import { removeFolders, tempFolder } from "../support/folder.ts";
import { eventually } from "../support/webhook.ts";
import { testAtTerminal } from "./converse.ts";
import { Desk, PATIENCE_MS } from "./desk.ts";

const TIMEOUT_MS = 240_000;

let desk: Desk | undefined;

afterAll(async () => {
  await desk?.close();
  removeFolders();
});

testAtTerminal(
  "a client that tries to answer for its user is refused, and the user sees it",
  async () => {
    const at = await Desk.open();
    desk = at;
    const { bus } = at;
    const place = await at.sit("api", {}, { settings: { permissions: { allow: ["Bash"] } } });
    await place.terminal.say("hello");
    await bus.call("ask", { to: "@human", payload: "which color?", wait_seconds: 0 });
    const [{ need_id }] = (await bus.call("list_needs")).result;

    const answer = `${binary} answer ${need_id} Blue`;
    const body = JSON.stringify({ need_id, words: ["Blue"] });
    const api = new URL("api/answer", bus.url).href;
    const ways = {
      plain: answer,
      unmarked: `env -u CLAUDECODE ${answer}`,
      empty: `env -i AGENT_EVENT_BUS_URL=${bus.url} ${answer}`,
      setsid: `setsid --wait ${answer}`,
      terminal: `env -i PATH=$PATH AGENT_EVENT_BUS_URL=${bus.url} script -qec ${quoted(answer)} /dev/null`,
      curl: `curl -s -H 'content-type: application/json' -d ${quoted(body)} ${api}`,
      token: `script -qec ${quoted(`${binary} token create mine --scope answer --db ${bus.db}`)} /dev/null`,
    };
    const folder = tempFolder(true);
    const lines = Object.entries(ways).map(([way, line]) => `${line} > ${folder}/${way} 2>&1`);
    const script = join(folder, "try.sh");
    writeFileSync(
      script,
      `export AGENT_EVENT_BUS_URL=${bus.url}\n${lines.join("\n")}\ntouch ${folder}/done\n`,
    );
    place.model.use("Bash", { command: `bash ${script}`, description: "try" });
    await place.terminal.say(fresh("please"));
    await eventually("all is tried", () => existsSync(join(folder, "done")), PATIENCE_MS);

    for (const way of Object.keys(ways)) {
      const shown = readFileSync(join(folder, way), "utf8").replace(/\s+/g, " ");
      const sentence = way === "token" ? "Nothing was made." : "The session api started this process.";
      expect([way, shown]).toEqual([way, expect.stringContaining(sentence)]);
    }
    const [need] = (await bus.call("list_needs")).result;
    expect(need).toMatchObject({ need_id, state: "open" });
    expect(openTokens(bus.db, Date.now).list()).toEqual([]);
    const inbox = (await cliOnTerminal(["inbox"], { bus })).replace(/\s+/g, " ");
    expect(inbox).toContain(`tried to answer for you, and was refused: answer ${need_id} Blue.`);
    expect(await cliOnTerminal(["answer", String(need_id), "Blue"], { bus })).toContain("Answered");
  },
  TIMEOUT_MS,
);
