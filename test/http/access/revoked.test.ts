import { describe, expect, test } from "bun:test";
import { copyFileSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openTokens } from "../../../src/tokens/token_files.ts";
import { fresh, stored } from "../../support/agent.ts";
import { startBus, startHere } from "../../support/bus.ts";
import { bearer, tokenFor } from "../../support/callers.ts";
import { hold, post, readAnswer } from "../../support/raw.ts";
import { rpcTool } from "../../support/rpc.ts";
import { call } from "../../support/strangers.ts";
import { eventually } from "../../support/webhook.ts";

const MINUTE = 60_000;

/** How the token `laptop` ends while its holder's call is open; `clock` is the bus's. */
const ENDS: [how: string, end: (db: string, clock: { ahead: number }) => void][] = [
  ["revoked", (db) => void openTokens(db, Date.now).revoke("laptop")],
  [
    "revoked, and its name is used again at once",
    (db) => {
      openTokens(db, Date.now).revoke("laptop");
      tokenFor(db, "laptop");
    },
  ],
  [
    "expired",
    (_, clock) => {
      clock.ahead = 2 * MINUTE;
    },
  ],
  ["removed by hand", (db) => rmSync(fileOf(db))],
  [
    "removed by hand, and its name is used again at once",
    (db) => {
      rmSync(fileOf(db));
      tokenFor(db, "laptop");
    },
  ],
  [
    "replaced by hand with another one of its name",
    (db) => {
      const hash = new Bun.CryptoHasher("sha256").update("another").digest("hex");
      const other = { ...JSON.parse(readFileSync(fileOf(db), "utf8")), hash };
      const copy = join(`${db}.tokens`, "copy");
      writeFileSync(copy, JSON.stringify(other));
      copyFileSync(copy, fileOf(db));
    },
  ],
];

function fileOf(db: string): string {
  return join(`${db}.tokens`, "laptop.json");
}

describe.each(ENDS)("a call that is open when its token is %s", (_, end) => {
  async function aBus() {
    const clock = { ahead: 0 };
    const bus = await startHere({ now: () => Date.now() + clock.ahead });
    const laptop = openTokens(bus.db, Date.now).create("laptop", "full", MINUTE)?.secret ?? "";
    return {
      bus,
      laptop: bearer(laptop),
      phone: bearer(tokenFor(bus.db, "phone")),
      end: () => end(bus.db, clock),
    };
  }
  const ended = (tool: string) => `${tool}: the token laptop expired or was revoked during the call.`;

  test("gets nothing more when it waits, and takes nothing from its session", async () => {
    const { bus, laptop, phone, end } = await aBus();
    const { session_id } = await bus.call("register_session", { name: "s", client_id: fresh("client") });
    const wait = { session_id, resume: true, order: "asc", wait_seconds: 30 };
    await bus.call("get_events", { ...wait, wait_seconds: 0 });
    const waiting = rpcTool(bus.url, "get_events", { ...wait, event_types: undefined }, laptop);
    const other = rpcTool(bus.url, "get_events", { event_types: ["secret"], wait_seconds: 30 }, phone);
    await Bun.sleep(300);
    end();
    await bus.call("publish_event", { event_type: "secret", payload: "the plan" });
    const { text, message } = await waiting;
    expect(text).not.toContain("the plan");
    expect(message.result).toMatchObject({ isError: true, content: [{ text: ended("get_events") }] });
    expect((await other).message.result.structuredContent.events).toHaveLength(1);
    const { events } = await bus.call("get_events", { ...wait, wait_seconds: 0 });
    expect(events).toMatchObject([{ payload: "the plan" }]);
  });

  test("stores nothing when its body comes later", async () => {
    const { bus, laptop, end } = await aBus();
    const bytes = post(call("publish_event", { event_type: "note", payload: "late" }), laptop);
    const socket = await hold(bus.port, bytes.subarray(0, bytes.byteLength - 10));
    await Bun.sleep(300);
    end();
    const before = stored(bus).events;
    socket.write(bytes.subarray(bytes.byteLength - 10));
    const { body } = await readAnswer(socket);
    socket.destroy();
    expect([stored(bus).events - before, body]).toEqual([0, expect.stringContaining(ended("publish_event"))]);
  });
});

test("a token file that is written over by hand counts from the next second on, though its folder looks the same", async () => {
  const bus = await startHere();
  const status = async (secret: string) =>
    (await rpcTool(bus.url, "list_sessions", {}, bearer(secret))).status;
  const laptop = tokenFor(bus.db, "laptop");
  // By then the folder's time is trusted.
  await Bun.sleep(2_100);
  expect(await status(laptop)).toBe(200);
  const revoked = {
    ...JSON.parse(readFileSync(fileOf(bus.db), "utf8")),
    revoked_at: new Date().toISOString(),
  };
  writeFileSync(fileOf(bus.db), JSON.stringify(revoked));
  await eventually("the token is refused", async () => (await status(laptop)) === 401, 10_000);
});

test("two processes that make a token of one name at once get one token", async () => {
  const bus = await startBus("binary");
  for (let round = 0; round < 20; round++) {
    const script = `const { openTokens } = await import(${JSON.stringify(require.resolve("../../../src/tokens/token_files.ts"))});
      for await (const _ of process.stdin) break;
      const made = openTokens(${JSON.stringify(bus.db)}, Date.now).create("n${round}", "full", null);
      console.log(made?.secret ?? "none");`;
    const makers = Array.from({ length: 3 }, () =>
      Bun.spawn([process.execPath, "-e", script], { stdin: "pipe", stdout: "pipe" }),
    );
    for (const { stdin } of makers) {
      stdin.write("go\n");
      stdin.end();
    }
    const told = await Promise.all(makers.map(({ stdout }) => new Response(stdout).text()));
    const secrets = told.map((line) => line.trim()).filter((line) => line !== "none");
    expect(secrets).toHaveLength(1);
    await eventually(
      "the one token opens the bus",
      async () => (await rpcTool(bus.url, "list_sessions", {}, bearer(secrets[0] ?? ""))).status === 200,
    );
  }
  await bus.stop();
}, 60_000);
