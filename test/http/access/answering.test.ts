// The real commands and the real door, in the hands of the person and of an agent.
import { afterAll, describe, expect, test } from "bun:test";
import { chownSync, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { quoted } from "../../../src/lib/escape.ts";
import { openTokens, tokenFiles } from "../../../src/tokens/token_files.ts";
import { startAgent } from "../../support/asking.ts";
import { binary } from "../../support/binary.ts";
import { startBus } from "../../support/bus.ts";
import { bearer, tokenFor } from "../../support/callers.ts";
import { cli, cliOnTerminal } from "../../support/cli.ts";
import { tempFolder } from "../../support/folder.ts";
import { DATA } from "../../support/home.ts";
import { endUsers, newUser, noUsers } from "../../support/users.ts";
import { eventually } from "../../support/webhook.ts";

const bus = await startBus("binary");
const api = new URL("api/answer", bus.url).href;

/** An open question to the person. */
async function anAsk(): Promise<number> {
  const known = (await bus.call("list_needs")).result.length;
  await bus.call("ask", { to: "@human", payload: "which color?", wait_seconds: 0 });
  const { result } = await bus.call("list_needs");
  expect(result).toHaveLength(known + 1);
  return result.at(-1).need_id;
}

async function stateOf(id: number): Promise<string> {
  return (await bus.call("list_needs", { all: true })).result.find(
    ({ need_id }: { need_id: number }) => need_id === id,
  ).state;
}

/** What the person was told of attempts. */
async function attempts(): Promise<string[]> {
  const { events } = await bus.call("get_events", { event_types: ["answer_refused"], order: "asc" });
  for (const event of events)
    expect(event).toMatchObject({ channel: "session:human", origin: "bus", signal_level: "actionable" });
  return events.map(({ payload }: { payload: string }) => payload);
}

/** What an agent's command shows. */
async function tried(command: string): Promise<{ session: string; shown: string }> {
  const file = join(tempFolder(), "shown");
  const agent = startAgent({ CLAUDECODE: "1", AGENT_EVENT_BUS_URL: bus.url });
  const session = await agent.register(bus);
  agent.run(`${command} > ${file} 2>&1; echo done >> ${file}`);
  const text = () => (existsSync(file) ? readFileSync(file, "utf8") : "");
  await eventually("the command ends", () => text().endsWith("done\n"));
  return { session, shown: text().replace(/\s+/g, " ") };
}

test("the person answers in a terminal", async () => {
  const id = await anAsk();
  expect(await cliOnTerminal(["answer", String(id), "blue"], { bus })).toContain("Answered");
  expect(await stateOf(id)).toBe("answered");
});

test("a pipe does not answer, and the person sees it", async () => {
  const id = await anAsk();
  const { code, stderr } = await cli(["answer", String(id), "blue"], { bus });
  expect([code, stderr]).toEqual([1, expect.stringContaining("Only the user may answer.")]);
  expect(await stateOf(id)).toBe("open");
  expect(await attempts()).toContain(
    `A program of this machine tried to answer for you, and was refused: answer ${id} blue.`,
  );
});

describe.skipIf(process.platform !== "linux")("an agent does not answer, and the person sees it", () => {
  const ways: [how: string, (command: string) => string][] = [
    ["by the command", (command) => command],
    ["without its marks", (command) => `env -u CLAUDECODE ${command}`],
    [
      "in a session and a terminal of its own",
      (command) => `setsid --wait script -qec ${quoted(command)} /dev/null`,
    ],
  ];
  test.each(ways)("%s", async (_, way) => {
    const id = await anAsk();
    const { session, shown } = await tried(way(`${binary} answer ${id} blue`));
    expect(shown).toContain(`The session ${session} started this process. Agents may not answer`);
    expect(await stateOf(id)).toBe("open");
    expect(await attempts()).toContain(
      `The session ${session} (r) tried to answer for you, and was refused: answer ${id} blue.`,
    );
  });

  test("by curl, with a token, and by MCP", async () => {
    const id = await anAsk();
    const secret = tokenFor(bus.db, "phone", "answer");
    const body = JSON.stringify({ need_id: id, words: ["blue"] });
    const json = `-H 'content-type: application/json' -d '${body}'`;
    const { session, shown } = await tried(`curl -s ${json} -H 'authorization: Bearer ${secret}' ${api}`);
    expect(shown).toContain(`The session ${session} started this process.`);
    const mcp = await bus.call("answer", { need_id: id, words: ["blue"] }).catch((error) => String(error));
    expect(JSON.stringify(mcp)).not.toContain("answered");
    expect(await stateOf(id)).toBe("open");
    const headers = { "content-type": "application/json", ...bearer(secret) };
    expect((await fetch(api, { method: "POST", headers, body })).status).toBe(200);
    expect(await stateOf(id)).toBe("answered");
  });

  test("nor makes itself a token for it, or one below a terminal", async () => {
    const make = `${binary} token create mine --scope answer --db ${bus.db}`;
    for (const command of [make, `env -u CLAUDECODE ${make}`, `script -qec ${quoted(make)} /dev/null`]) {
      const { session, shown } = await tried(command);
      expect(shown).toContain("Nothing was made.");
      expect(await attempts()).toContain(
        `The session ${session} (r) tried to answer for you, and was refused: token create mine --scope answer.`,
      );
    }
    expect(openTokens(bus.db, Date.now).list()).not.toContainEqual(expect.objectContaining({ name: "mine" }));
  });

  test("nor sends its answer to a bus elsewhere", async () => {
    const { code, stderr } = await cli(["answer", "1", "blue"], {
      bus: { url: "http://192.0.2.9:8080/mcp" },
      env: { CLAUDECODE: "1", AGENT_EVENT_BUS_TOKEN: "aeb_x" },
    });
    expect([code, stderr]).toEqual([1, expect.stringContaining("Nothing was sent. An agent started this")]);
  });
});

test.skipIf(noUsers !== null)("a process of another user needs a token, like a proxy of root", async () => {
  const user = newUser(4_321);
  afterAll(endUsers);
  const theirs = await user.serve();
  await theirs.call("ask", { to: "@human", payload: "which color?", wait_seconds: 0 });
  const db = join(user.home, DATA, "data.db");
  const headers = { "content-type": "application/json", ...bearer(tokenFor(db, "phone", "answer")) };
  for (const file of [`${db}.tokens`, ...tokenFiles(db)]) chownSync(file, user.uid, user.uid);
  const ask = (more: Record<string, string>) =>
    fetch(new URL("api/answer", theirs.url), {
      ...{ method: "POST", headers: more },
      body: JSON.stringify({ need_id: 1, words: ["blue"] }),
    });
  const refused = await ask({ "content-type": "application/json" });
  expect([refused.status, ((await refused.json()) as { error: string }).error]).toEqual([
    409,
    expect.stringContaining("Only the user may answer."),
  ]);
  expect((await ask(headers)).status).toBe(200);
});
