import { describe, expect, test } from "bun:test";
import { startBus, type TestBus } from "../support/bus.ts";
import {
  AS_INSTALLED,
  ended,
  eventsIn,
  newClient,
  runHook,
  spawnHook,
  startClient,
  told,
} from "../support/hooks.ts";

const NAMES = ["session-start", "prompt", "tool", "stop", "session-end"] as const;
const QUIET = { stdout: "", stderr: "", code: 0 };

async function send(bus: TestBus, to: string, payload = "the message"): Promise<number> {
  const event = { event_type: "note", title: "Headline", payload, channel: `session:${to}` };
  return (await bus.call("publish_event", event)).event_id;
}

describe("formats", () => {
  test.each([
    ["prompt", "UserPromptSubmit"],
    ["tool", "PostToolUse"],
    ["stop", "Stop"],
  ] as const)("%s prints one JSON document for Claude Code, one text, or the events", async (name, event) => {
    const bus = await startBus("binary");
    const client = await startClient(bus);
    const id = await send(bus, client.id);
    const claude = await client.run(name);
    expect(claude).toMatchObject({ code: 0, stderr: "" });
    const text = told(claude, event);
    expect(text).toMatch(
      /^<agent-event-bus>\n[\s\S]*This is data, not an instruction[\s\S]*\n<\/agent-event-bus>$/,
    );
    expect(text).toMatch(
      new RegExp(
        `^#${id} \\(direct message from anonymous, note, \\d s ago\\)\n  Headline\n  the message$`,
        "m",
      ),
    );

    await send(bus, client.id);
    const plain = await client.run(name, { args: ["--format", "plain"] });
    expect(plain).toMatchObject({ code: 0, stderr: "" });
    expect(plain.stdout).toMatch(/^<agent-event-bus>\n[\s\S]*\n<\/agent-event-bus>\n$/);

    const third = await send(bus, client.id, "raw \x9b2J <b>");
    const json = await client.run(name, { args: ["--format=json"] });
    expect(json.stdout).toEndWith("}\n");
    expect(json.stdout).not.toContain("\x9b");
    expect(JSON.parse(json.stdout)).toMatchObject({
      session_id: client.id,
      events: [{ id: third, payload: "raw \x9b2J <b>", from: { name: "anonymous" } }],
      more: 0,
      text: expect.stringContaining("‹b>"),
    });
    expect(await client.read(name)).toBe("");
  });

  test("session-start prints one JSON document for Claude Code, one text, or the text in JSON", async () => {
    const bus = await startBus("binary");
    const client = newClient(bus);
    const text = told(await client.run("session-start"), "SessionStart");
    expect(text).toContain("You are");
    expect((await client.run("session-start", { args: ["--format", "plain"] })).stdout).toBe(`${text}\n`);
    const json = await client.run("session-start", { args: ["--format", "json"] });
    expect(JSON.parse(json.stdout)).toEqual({ text });
  });

  test("session-end prints nothing and unregisters", async () => {
    const bus = await startBus("binary");
    const client = await startClient(bus);
    for (const reason of ["clear", "resume"]) {
      expect(await client.run("session-end", { with: { reason } })).toMatchObject(QUIET);
      expect((await bus.call("list_sessions")).result).toHaveLength(1);
    }
    expect(await client.run("session-end", { with: { reason: "logout" } })).toMatchObject(QUIET);
    expect((await bus.call("list_sessions")).result).toEqual([]);
    expect(await client.run("session-end")).toMatchObject(QUIET);
  });

  test("without a client's id on stdin it is taken from the environment: a shell prompt may ask", async () => {
    const bus = await startBus("binary");
    const client = await startClient(bus);
    for (const variable of ["AGENT_EVENT_BUS_SESSION_ID", "CLAUDE_CODE_SESSION_ID"]) {
      const id = await send(bus, client.id);
      const env = { [variable]: client.id };
      const ran = await runHook("prompt", { url: bus.url, env, args: ["--format", "plain"] });
      expect(eventsIn(ran.stdout).map((event) => event.id)).toEqual([id]);
    }
  });

  test("--url wins over the environment", async () => {
    const bus = await startBus("binary");
    const client = await startClient(bus);
    const id = await send(bus, client.id);
    const text = await client.read("prompt", { url: "http://127.0.0.1:1/mcp", args: ["--url", bus.url] });
    expect(eventsIn(text).map((event) => event.id)).toEqual([id]);
  });
});

describe("the command line", () => {
  const WRONG: readonly [string[], RegExp][] = [
    [
      [],
      /"" is not a hook. The hooks are session-start, prompt, pre-tool, tool, stop, wait, permission, notification, session-end\./,
    ],
    [["nonsense"], /"nonsense" is not a hook/],
    [["toString"], /"toString" is not a hook/],
    [["__proto__"], /"__proto__" is not a hook/],
    [["Stop"], /"Stop" is not a hook/],
    [["prompt", "more"], /unexpected argument "more"/],
    [["prompt", "--fast"], /unexpected argument "--fast"/],
    [["prompt", "--format", "xml"], /--format must be one of claude, plain, json, not "xml"/],
    [["prompt", "--format"], /--format must be one of/],
  ];
  test.each(WRONG)(
    "wrong usage ends with 1, never with 2, and one line: %j",
    async ([name, ...args], says) => {
      const ran = await runHook(name ?? "", { args });
      expect(ran).toMatchObject({ code: 64, stdout: "" });
      expect(ran.stderr).toMatch(says);
      expect(ran.stderr.trim().split("\n")).toHaveLength(1);
    },
  );

  test.each([[["--help"]], [["-h"]], [["prompt", "--help"]], [["nonsense", "--help"]]])(
    "help: %j",
    async ([name = "", ...args]) => {
      const ran = await runHook(name, { args });
      expect(ran).toMatchObject({ code: 0, stderr: "" });
      for (const hook of [...NAMES, "wait"]) expect(ran.stdout).toMatch(new RegExp(`^  ${hook} +[A-Z]`, "m"));
    },
  );
});

describe("odd stdin", () => {
  const id = "odd-stdin";
  const STDIN: readonly { what: string; input: string | Uint8Array; taken?: true }[] = [
    { what: "nothing", input: "" },
    { what: "a blank", input: " \n" },
    { what: "no JSON", input: "hello" },
    { what: "half of it", input: `{"session_id":"${id}"` },
    { what: "a number", input: "7" },
    { what: "null", input: "null" },
    { what: "a list", input: "[1,2]" },
    { what: "no id", input: "{}" },
    { what: "an id that is a number", input: '{"session_id":7}' },
    { what: "an id that is null", input: '{"session_id":null}' },
    { what: "an empty id", input: '{"session_id":""}' },
    { what: "an id that is too long", input: JSON.stringify({ session_id: "x".repeat(10_000) }) },
    { what: "a lone surrogate", input: '{"session_id":"\\ud800"}' },
    { what: "no UTF-8", input: new Uint8Array([0xff, 0xfe, 0x7b, 0x00, 0x7d]) },
    { what: "two documents", input: `{"session_id":"${id}"}{"session_id":"${id}"}` },
    { what: "deep JSON", input: "[".repeat(100_000) },
    { what: "cwd that is a list", input: JSON.stringify({ session_id: id, cwd: [1] }), taken: true },
    {
      what: "cwd that is not there",
      input: JSON.stringify({ session_id: id, cwd: "/no/such" }),
      taken: true,
    },
    {
      what: "an agent_id that is null",
      input: JSON.stringify({ session_id: id, agent_id: null }),
      taken: true,
    },
    { what: "__proto__", input: `{"__proto__":{"agent_id":"x"},"session_id":"${id}"}`, taken: true },
  ];

  test.each(STDIN)("$what: no hook fails or says anything but what is unread", async ({ input, taken }) => {
    const bus = await startBus("binary");
    await startClient(bus, { id });
    for (const name of NAMES.filter((one) => one !== "session-start" && one !== "session-end")) {
      const sent = await send(bus, id);
      const ran = await runHook(name, { url: bus.url, input });
      expect(ran).toMatchObject({ code: 0, stderr: "" });
      expect(eventsIn(told(ran)).map((event) => event.id)).toEqual(taken ? [sent] : []);
      if (!taken)
        expect((await bus.call("get_delivery", { event_id: sent })).deliveries[0].state).toBe("stored");
    }
    for (const name of ["session-start", "session-end"])
      expect(await runHook(name, { url: bus.url, input })).toMatchObject({ code: 0, stderr: "" });
  });

  test.each([1, 20])("%i MB of a tool's answer are no trouble", async (mb) => {
    const bus = await startBus("binary");
    const client = await startClient(bus);
    const sent = await send(bus, client.id);
    const ran = await client.run("tool", { with: { tool_response: "x".repeat(mb * 1_000_000) } });
    expect(ran).toMatchObject({ code: 0, stderr: "" });
    console.log(`hook tool with ${mb} MB on stdin: ${ran.ms.toFixed(0)} ms`);
    expect(eventsIn(told(ran)).map((event) => event.id)).toEqual([sent]);
  });

  test.each([...NAMES, "wait"])("%s ends although stdin is never closed", async (name) => {
    const bus = await startBus("binary");
    const client = await startClient(bus);
    const began = performance.now();
    const env = { CLAUDE_PID: String(client.pid), CLAUDE_CODE_ENTRYPOINT: "cli", ...AS_INSTALLED };
    const child = await spawnHook(name, { url: bus.url, env });
    child.stdin.write('{"session_id":');
    await child.stdin.flush();
    await child.exited;
    console.log(`hook ${name} with an open stdin: ${(performance.now() - began).toFixed(0)} ms`);
    expect(await ended(child)).toMatchObject(QUIET);
  });
});
