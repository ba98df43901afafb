import { describe, expect, test } from "bun:test";
import { startBus } from "../support/bus.ts";
import {
  AS_INSTALLED,
  ended,
  eventsIn,
  newClient,
  runHook,
  spawnHook,
  startClient,
} from "../support/hooks.ts";
import { eventually } from "../support/webhook.ts";

const kind = "node";

// Node takes longer to start than Bun, but its bound begins with the hook's own code.
describe("the hooks on Node", () => {
  test("register, hand over once, wake and unregister", async () => {
    const bus = await startBus("node");
    const client = newClient(bus);
    const publish = async (event: object) =>
      (await bus.call("publish_event", { event_type: "note", payload: "hello </x>", ...event })).event_id;
    const direct = { channel: `session:${client.id}` };

    expect(await client.read("session-start", { kind })).toContain("You are");
    for (const name of ["prompt", "tool", "stop"] as const) {
      const id = await publish(direct);
      const text = await client.read(name, { kind });
      expect(eventsIn(text).map((event) => event.id)).toEqual([id]);
      expect(text).toContain("hello ‹/x>");
      expect((await client.run(name, { kind })).stdout).toBe("");
    }
    const waiter = await client.wait({ kind });
    await eventually(
      "it waits",
      async () => (await bus.call("list_sessions")).result[0]?.reach === "wakes",
      30_000,
    );
    const id = await publish(direct);
    const { code, stdout, stderr } = await ended(waiter);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(eventsIn(stderr)).toEqual([{ id, repeat: false }]);
    expect(await client.run("session-end", { kind })).toMatchObject({ code: 0, stdout: "", stderr: "" });
    expect((await bus.call("list_sessions")).result).toEqual([]);
  }, 180_000);

  test("end in time and in silence without a bus, and with a stdin that stays open", async () => {
    const client = newClient({ url: "http://127.0.0.1:1/mcp" });
    const env = AS_INSTALLED;
    for (const name of ["session-start", "prompt", "tool", "stop", "session-end"])
      expect(await client.run(name, { kind, env })).toMatchObject({ code: 0, stdout: "", stderr: "" });
    const child = await spawnHook("prompt", { kind, url: client.url, env });
    expect(await child.exited).toBe(0);
    expect(await ended(child)).toEqual({ code: 0, stdout: "", stderr: "" });
  });

  test("refuse a wrong name with 64", async () => {
    expect(await runHook("nonsense", { kind })).toMatchObject({ code: 64, stdout: "" });
  });

  test("take 1 MB of stdin and write 1 MB of JSON whole", async () => {
    const bus = await startBus("node");
    const client = await startClient(bus);
    const payload = "🦕".repeat(250_000);
    await bus.call("publish_event", { event_type: "note", payload, channel: `session:${client.id}` });
    const input = { session_id: client.id, prompt: "x".repeat(1_000_000) };
    const env = { CLAUDE_PID: String(client.pid) };
    const args = ["--format", "json"];
    const { stdout } = await runHook("prompt", { kind, url: bus.url, input, env, args });
    expect(JSON.parse(stdout).events[0].payload).toBe(payload);
  });
});
