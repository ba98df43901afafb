import { expect, test } from "bun:test";
import { openTokens } from "../../src/store/tokens.ts";
import { startBus } from "../support/bus.ts";
import { bearer, tokenFor } from "../support/callers.ts";
import { rpcTool } from "../support/rpc.ts";
import { eventually } from "../support/webhook.ts";

test("a call that waits when its token is revoked gets nothing more", async () => {
  const bus = await startBus("binary");
  const [laptop, phone] = [tokenFor(bus.db, "laptop"), tokenFor(bus.db, "phone")].map(bearer);
  const args = { event_types: ["secret"], wait_seconds: 30 };
  const waiting = [laptop, phone].map((headers) => rpcTool(bus.url, "get_events", args, headers));
  await Bun.sleep(300);
  openTokens(bus.db, Date.now).revoke("laptop");
  await bus.call("publish_event", { event_type: "secret", payload: "the plan" });
  const [revoked, valid] = await Promise.all(waiting);
  expect(revoked?.text).not.toContain("the plan");
  expect(revoked?.message.result).toMatchObject({ isError: true });
  expect(revoked?.message.result.content[0].text).toBe(
    "get_events: the token laptop ended while the call ran.",
  );
  expect(valid?.message.result.structuredContent.events).toHaveLength(1);
  await bus.stop();
});

test("two processes that make a token of one name at once get one token", async () => {
  const bus = await startBus("binary");
  for (let round = 0; round < 20; round++) {
    const script = `const { openTokens } = await import(${JSON.stringify(require.resolve("../../src/store/tokens.ts"))});
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
