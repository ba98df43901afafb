import { describe, expect, test } from "bun:test";
import { statSync } from "node:fs";
import { join, publish } from "../support/agent.ts";
import { startBus } from "../support/bus.ts";
import { startClient } from "../support/client.ts";
import { missingForScreen, type Screen, startScreen } from "../support/screen.ts";
import { eventually } from "../support/webhook.ts";

const missing = missingForScreen();
if (missing.length > 0) console.log(`skipped: real notifications, no command ${missing.join(", ")}`);
else if (Bun.which("import") === null)
  console.log("skipped: pictures of real notifications, no command import");

async function shows(screen: Screen, count: number): Promise<void> {
  await eventually(`${count} on the screen`, async () => (await screen.displayed()) === count);
}

describe.skipIf(missing.length > 0)("on a real desktop", () => {
  test("each need is one notification, replaced as it changes and closed when it is met", async () => {
    const screen = await startScreen();
    const bus = await startBus("binary", { env: screen.env });
    const web = await startClient(bus, { name: "web", repo: "shop" });
    const plain = await join(bus, { name: "plain", repo: "shop" });
    const from = { session_id: web.session_id };
    await publish(bus, "Which port? <b>bold</b> \\074i\\076 \u001b[31m", {
      ...from,
      channel: "session:human",
    });
    await shows(screen, 1);
    const help = await publish(bus, "Nobody answers me.", { ...from, event_type: "help_needed" });
    await publish(bus, "The tests are green.", { ...from, channel: `session:${plain.session_id}` });
    await shows(screen, 3);
    const file = await screen.picture("three");
    if (file !== undefined) expect(statSync(file).size).toBeGreaterThan(1_000);
    const second = await publish(bus, "Still nobody.", { ...from, event_type: "help_needed" });
    await Bun.sleep(3_000);
    expect(await screen.displayed()).toBe(3);
    for (const event_id of [help, second]) await bus.call("reply", { event_id, payload: "Here I am." });
    await shows(screen, 2);
    await bus.call("get_events", { session_id: plain.session_id, resume: true, order: "asc" });
    await shows(screen, 1);
    expect((await screen.closed()).map(({ summary, body }) => [summary, body])).toEqual([
      ["⚠️ help needed • web", expect.stringMatching(/^From: web \(.+\)\n\(and 1 more\) Still nobody\.$/)],
      ["📨 plain • shop", expect.stringContaining("The tests are green.")],
    ]);
    await bus.stop();
  }, 60_000);

  test("markup and control characters of an event are shown as they are", async () => {
    const screen = await startScreen();
    const bus = await startBus("binary", { env: screen.env });
    const { session_id } = await join(bus, { name: "plain" });
    const text = "<b>bold</b> \\074i\\076 \u001b[31m &amp;";
    await publish(bus, text, { channel: `session:${session_id}` });
    await shows(screen, 1);
    await bus.call("get_events", { session_id, resume: true, order: "asc" });
    await shows(screen, 0);
    const [seen] = await screen.closed();
    // Markup of a desktop, which shows the text that was sent.
    expect(seen?.body).toBe("From: anonymous\n&lt;b&gt;bold&lt;/b&gt; \\074i\\076 ␛[31m &amp;amp;");
    await bus.stop();
  }, 60_000);

  test("after a restart of the bus the notification of the same need is replaced", async () => {
    const screen = await startScreen();
    const first = await startBus("binary", { env: screen.env });
    const { session_id } = await join(first, { name: "plain" });
    const channel = `session:${session_id}`;
    await publish(first, "one", { channel });
    await shows(screen, 1);
    await first.kill();
    const bus = await startBus("binary", { env: screen.env, folder: first.folder, port: first.port });
    await publish(bus, "two", { channel });
    await Bun.sleep(2_000);
    expect(await screen.displayed()).toBe(1);
    await bus.call("get_events", { session_id, resume: true, order: "asc" });
    await shows(screen, 0);
    await bus.stop();
  }, 60_000);
});
