import { describe, expect, test } from "bun:test";
import { startBus, type TestBus } from "../support/bus.ts";
import { PERMISSION, clientAtWork as startAtWork } from "../support/client_at_work.ts";
import { tempFolder } from "../support/folder.ts";
import { startGate } from "../support/gate.ts";
import { ended } from "../support/hooks.ts";
import { cpuMs, privateMib } from "../support/process.ts";
import { eventually } from "../support/webhook.ts";

const SILENT = { stdout: "", stderr: "", code: 0 };
const PATIENCE_MS = 30_000;
const MOST_MIB = 6;

const bus = await startBus("binary");

const clientAtWork = (at: TestBus = bus, registered = true) => startAtWork(at, registered);

describe("hook permission", () => {
  test.each<[what: string, input: object, kind: string, text: string]>([
    ["a file", PERMISSION, "permission", "Write: /tmp/x"],
    [
      "a command, by its description",
      { tool_name: "Bash", tool_input: { command: "curl -H secret", description: "Ask the server" } },
      "permission",
      "Bash: Ask the server",
    ],
    [
      "a command without one, without its text",
      { tool_name: "Bash", tool_input: { command: "curl -H secret" } },
      "permission",
      "Bash",
    ],
    [
      "an address, without its query",
      { tool_name: "WebFetch", tool_input: { url: "https://example.com/a?token=secret", prompt: "read" } },
      "permission",
      "WebFetch: https://example.com/a",
    ],
    [
      "a question",
      { tool_name: "AskUserQuestion", tool_input: { questions: [{ question: "Which\none?" }] } },
      "question",
      "Which⏎one?",
    ],
    ["a question of another shape", { tool_name: "AskUserQuestion", tool_input: null }, "question", ""],
    ["a tool without input", { tool_name: "mcp__x__y", tool_input: "?" }, "permission", "mcp__x__y"],
    [
      "a subagent's tool",
      { ...PERMISSION, agent_id: "a1", agent_type: "general-purpose" },
      "permission",
      "Write: /tmp/x",
    ],
  ])("tells what the user is asked: %s", async (_what, input, kind, text) => {
    const { listed, ask, tell } = await clientAtWork();
    const child = await ask(input);
    expect(await listed()).toMatchObject({ reach: "waiting_for_person", waiting_for: { kind, text } });
    tell("busy");
    expect(await ended(child)).toEqual(SILENT);
  });

  test.each(["busy", "idle"])("ends with the dialog: the client is %s", async (status) => {
    const { ask, tell, comesTo, listed } = await clientAtWork();
    const child = await ask();
    tell(status);
    expect(await ended(child)).toEqual(SILENT);
    await comesTo("busy");
    expect(await listed()).toMatchObject({ reach: "next_tool" });
  });

  test("ends when the client goes on with another session", async () => {
    const { ask, tell } = await clientAtWork();
    const child = await ask();
    tell("waiting", "another");
    expect(await ended(child)).toEqual(SILENT);
  });

  test("ends with the client, which leaves its file", async () => {
    const { client, ask, comesTo } = await clientAtWork();
    const child = await ask();
    await client.kill();
    expect(await ended(child)).toEqual(SILENT);
    await comesTo(undefined);
  });

  test("ends when the client's file is gone, and not when half of it is written", async () => {
    const { ask, tear, tell, hide, listed } = await clientAtWork();
    const child = await ask();
    tear();
    await Bun.sleep(1_000);
    expect((await listed()).state).toBe("waiting");
    tell("waiting");
    hide();
    expect(await ended(child)).toEqual(SILENT);
  });

  test("waits for a dialog that is drawn after the hook began", async () => {
    const { hook, tell, comesTo } = await clientAtWork();
    const child = await hook("permission", PERMISSION);
    await Bun.sleep(500);
    tell("waiting");
    await comesTo("waiting");
    tell("idle");
    expect(await ended(child)).toEqual(SILENT);
  });

  test("leaves when no dialog comes", async () => {
    const { hook, listed } = await clientAtWork();
    expect(await ended(await hook("permission", PERMISSION))).toEqual(SILENT);
    expect((await listed()).state).toBe("busy");
  });

  test("tells again of a dialog that stands on when its session was heard of", async () => {
    const { client, ask, tell, comesTo } = await clientAtWork();
    const child = await ask();
    await client.read("tool");
    await comesTo("waiting");
    tell("busy");
    expect(await ended(child)).toEqual(SILENT);
  });

  test("tells again after a restart of the bus", async () => {
    const folder = tempFolder();
    const own = await startBus("binary", { folder });
    const { ask, tell } = await clientAtWork(own);
    const child = await ask();
    await own.stop();
    const again = await startBus("binary", { folder, port: own.port });
    const state = async () => (await again.call("list_sessions")).result[0]?.state;
    await eventually("it waits", async () => (await state()) === "waiting", PATIENCE_MS);
    tell("busy");
    expect(await ended(child)).toEqual(SILENT);
    await eventually("it is at work", async () => (await state()) === "busy", PATIENCE_MS);
  });

  test("registers a session that the bus does not know", async () => {
    const own = await startBus("binary");
    const { client, ask, tell } = await clientAtWork(own, false);
    expect((await own.call("list_sessions")).result).toEqual([]);
    const child = await ask();
    expect((await own.call("list_sessions")).result).toMatchObject([{ client_id: client.id }]);
    tell("busy");
    expect(await ended(child)).toEqual(SILENT);
  });

  test("of a client that does not tell: waiting or running, until the next hook of the session", async () => {
    const { client, hook, hide, comesTo } = await clientAtWork();
    hide();
    const child = await hook("permission", PERMISSION);
    await comesTo("waiting_or_running");
    await client.read("tool");
    expect(await ended(child)).toEqual(SILENT);
    await comesTo("busy");
  });

  test.each<[what: string, env: Record<string, string>]>([
    ["a client that is not interactive", { CLAUDE_CODE_ENTRYPOINT: "sdk-cli" }],
    ["a client that does not name its process", { CLAUDE_PID: "" }],
  ])("leaves at once, and asks nobody: %s", async (_what, env) => {
    const { hook, tell } = await clientAtWork();
    tell("waiting");
    const gate = startGate(bus);
    expect(await ended(await hook("permission", PERMISSION, env, gate.url))).toEqual(SILENT);
    expect(gate.calls).toEqual([]);
  });

  test("costs little while it stands by", async () => {
    const { ask, tell } = await clientAtWork();
    const child = await ask();
    const before = cpuMs(child.pid);
    await Bun.sleep(5_000);
    const mib = privateMib(child.pid);
    const cpu = cpuMs(child.pid) - before;
    console.log(
      `a hook beside a dialog: ${mib.toFixed(1)} MiB of its own, ${cpu} ms of processor time in 5 s`,
    );
    expect(mib).toBeLessThan(MOST_MIB);
    tell("busy");
    expect(await ended(child)).toEqual(SILENT);
  });

  test("is silent while the bus is away, and ends with the dialog", async () => {
    const own = await startBus("binary");
    const { hook, tell } = await clientAtWork(own);
    await own.stop();
    tell("waiting");
    const child = await hook("permission", PERMISSION);
    await Bun.sleep(1_000);
    expect(child.exitCode).toBeNull();
    tell("idle");
    expect(await ended(child)).toEqual(SILENT);
  });
});

describe("hook notification", () => {
  test.each([
    ["permission_prompt", "permission"],
    ["elicitation_dialog", "elicitation"],
    ["agent_needs_input", "question"],
  ])("tells of a dialog: %s", async (notification_type, kind) => {
    const { hook, tell, listed, comesTo } = await clientAtWork();
    tell("waiting");
    const child = await hook("notification", { notification_type, message: "Look here" });
    await comesTo("waiting");
    expect((await listed()).waiting_for).toEqual({ kind, text: "Look here" });
    tell("busy");
    expect(await ended(child)).toEqual(SILENT);
  });

  test("leaves a dialog to the hook that knows what it is about", async () => {
    const { hook, tell, listed, ask } = await clientAtWork();
    const known = await ask();
    const notified = { notification_type: "permission_prompt", message: "Claude needs your permission" };
    const child = await hook("notification", notified);
    expect(await ended(child)).toEqual(SILENT);
    expect((await listed()).waiting_for.text).toBe("Write: /tmp/x");
    tell("busy");
    expect(await ended(known)).toEqual(SILENT);
  });

  test.each(["idle_prompt", "auth_success", undefined])(
    "has nothing to do: %s",
    async (notification_type) => {
      const { hook, tell } = await clientAtWork();
      tell("waiting");
      const gate = startGate(bus);
      const child = await hook("notification", { notification_type, message: "?" }, {}, gate.url);
      expect(await ended(child)).toEqual(SILENT);
      expect(gate.calls).toEqual([]);
    },
  );
});
