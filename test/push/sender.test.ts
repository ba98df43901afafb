import { afterEach, describe, expect, test } from "bun:test";
import { topicsOf } from "../../src/config/push.ts";
import { jsonOf, type Push } from "../../src/push/message.ts";
import { TopicSender } from "../../src/push/sender.ts";
import { type NtfyServer, ntfyServer } from "../support/ntfy.ts";
import { eventually } from "../support/webhook.ts";

const AUTH = `Basic ${Buffer.from("ada:pass").toString("base64")}`;
const running: { stop(): void }[] = [];
afterEach(() => {
  for (const one of running.splice(0)) one.stop();
});

function startNtfy(): NtfyServer {
  const server = ntfyServer({ mine: [AUTH, "Bearer tk_abc"] });
  running.push(server);
  return server;
}

function sendTo(url: string, waits: readonly number[] = [10, 10, 10, 10], limitMs = 10_000) {
  const lines: string[] = [];
  const log = { info: (line: string) => lines.push(line), warn: (line: string) => lines.push(line) };
  const [topic] = topicsOf(url);
  if (topic === undefined) throw new Error("no topic");
  const sender = new TopicSender(topic, { log, now: Date.now, waits, limitMs });
  running.push(sender);
  return { sender, lines };
}

const push = (name: string, more: Partial<Push> = {}): Push => ({
  ...{ name, title: "title", message: `message ${name}`, priority: 4, tags: ["raised_hand"] },
  ...more,
});

describe("a push", () => {
  test.each([
    ["open", undefined, null],
    ["mine", "ada:pass", AUTH],
    ["mine", "tk_abc", "Bearer tk_abc"],
  ])("arrives at topic %s with %p", async (name, userinfo, authorization) => {
    const server = startNtfy();
    const { sender, lines } = sendTo(server.topic(name, userinfo));
    sender.send(push("a", { actions: [{ label: "Yes", url: "http://bus.example/answer/x" }] }));
    const got = await server.until(({ topic }) => topic === name);
    expect(got).toMatchObject({
      ...{ topic: name, title: "title", message: "message a", priority: 4, tags: ["raised_hand"] },
      ...{ sequence_id: "a", authorization },
    });
    expect(got.actions).toEqual([
      { action: "http", label: "Yes", url: "http://bus.example/answer/x", method: "POST", clear: true },
    ]);
    expect(server.refused).toEqual([]);
    expect(lines).toEqual([]);
  });

  test("fits into the server's limits, whatever its text is", async () => {
    const server = startNtfy();
    const { sender } = sendTo(server.topic("open"));
    const url = `https://bus.example/${"x".repeat(280)}/answer/${"s".repeat(80)}`;
    for (const [index, character] of ['"', "é", "🙂", "\u0000", "\u202e", "\n", "\ud800", "\\"].entries()) {
      const text = character.repeat(10_000);
      const actions = Array.from({ length: 5 }, () => ({ label: text, url }));
      sender.send(push(`p${index}`, { title: text, message: text, actions }));
    }
    sender.send(push("last"));
    await server.until(({ sequence_id }) => sequence_id === "last");
    expect(server.refused).toEqual([]);
    expect(server.got).toHaveLength(9);
    expect(Math.max(...server.got.map(({ bytes }) => bytes))).toBeLessThan(8 * 1024);
    expect(server.got[4]?.title).toContain("\\u202e");
    expect(server.got[5]?.message).toBe("…");
  });

  test("keeps every byte of a short text", () => {
    const [topic] = topicsOf("http://127.0.0.1/t");
    if (topic === undefined) throw new Error("no topic");
    const message = "Which colour?\n1 red\n2 blue «é»";
    expect(JSON.parse(jsonOf(push("a", { message }), topic)).message).toBe(message);
  });
});

describe("a server that", () => {
  test("fails is asked again, in order, and its reason is logged once", async () => {
    const server = startNtfy();
    let asked = 0;
    server.before = () => (++asked <= 3 ? new Response("no", { status: 503 }) : undefined);
    const { sender, lines } = sendTo(server.topic("open"));
    sender.send(push("a"));
    sender.send(push("b"));
    await server.until(({ sequence_id }) => sequence_id === "b");
    expect(server.got.map(({ sequence_id }) => sequence_id)).toEqual(["a", "b"]);
    await eventually("the end of the trouble is told", () => lines.length === 2);
    const host = `127.0.0.1:${server.port}`;
    expect(lines).toEqual([
      `a notification for the phone did not reach ${host}: HTTP 503 (logged once)`,
      `notifications reach the phone again through ${host}`,
    ]);
  });

  test("keeps failing costs a push five attempts", async () => {
    const server = startNtfy();
    const asked: string[] = [];
    server.before = async (request) => {
      const { sequence_id } = (await request.clone().json()) as { sequence_id: string };
      asked.push(sequence_id);
      return sequence_id === "a" ? new Response(null, { status: 500 }) : undefined;
    };
    const { sender } = sendTo(server.topic("open"));
    sender.send(push("a"));
    sender.send(push("b"));
    await server.until(({ sequence_id }) => sequence_id === "b");
    expect(asked).toEqual(["a", "a", "a", "a", "a", "b"]);
  });

  test.each([
    ["mine", "ada:wrong", "HTTP 401, the user, password or token of AGENT_EVENT_BUS_PUSH is wrong"],
    ["mine", undefined, "HTTP 403, the user or token of AGENT_EVENT_BUS_PUSH may not write to the topic"],
  ])("refuses topic %s for %p is asked once, and the log shows no secret", async (name, userinfo, reason) => {
    const server = startNtfy();
    const { sender, lines } = sendTo(server.topic(name, userinfo));
    sender.send(push("a"));
    sender.send(push("b"));
    await eventually("both are refused", () => server.refused.length === 2);
    await eventually("it is logged", () => lines.length > 0);
    expect(lines).toEqual([
      `a notification for the phone did not reach 127.0.0.1:${server.port}: ${reason} (logged once)`,
    ]);
  });

  test("redirects gets nothing sent elsewhere", async () => {
    const server = startNtfy();
    const other = startNtfy();
    server.before = () => Response.redirect(`http://127.0.0.1:${other.port}/`, 307);
    const { sender, lines } = sendTo(server.topic("mine", "ada:pass"));
    sender.send(push("a"));
    await eventually("it is logged", () => lines.length > 0);
    expect(lines[0]).toContain("HTTP 307, redirects are not followed");
    expect([...other.got, ...other.refused]).toEqual([]);
  });

  test("never answers, or is away, is given up after its time", async () => {
    const server = startNtfy();
    server.before = () => new Promise(() => {});
    const slow = sendTo(server.topic("open"), [10], 100);
    slow.sender.send(push("a"));
    await eventually("the log tells", () => slow.lines.length > 0);
    expect(slow.lines[0]).toContain("no answer within 100 ms");
    const gone = ntfyServer();
    gone.stop();
    const away = sendTo(gone.topic("hidden"), [10]);
    away.sender.send(push("a"));
    await eventually("the log tells", () => away.lines.length > 0);
    expect(away.lines[0]).toContain(`did not reach 127.0.0.1:${gone.port}`);
    expect(away.lines[0]).not.toContain("hidden");
  });
});

describe("pushes that wait", () => {
  test("are a hundred, and those of one name replace each other", async () => {
    const server = startNtfy();
    const hold = Promise.withResolvers<undefined>();
    server.before = () => hold.promise;
    const { sender, lines } = sendTo(server.topic("open"));
    for (let i = 0; i < 150; i++) sender.send(push(`p${i}`));
    sender.send(push("p149", { message: "newer" }));
    expect(sender.takeBack("p148")).toBe(true);
    expect(sender.takeBack("p148")).toBe(false);
    hold.resolve(undefined);
    const last = await server.until(({ sequence_id }) => sequence_id === "p149");
    expect(last.message).toBe("newer");
    expect(server.got.length).toBeLessThanOrEqual(101);
    expect(server.got.some(({ sequence_id }) => sequence_id === "p148")).toBe(false);
    expect(lines[0]).toContain("100 notifications wait, the oldest is dropped");
  });

  test("are not taken back once they may have arrived", async () => {
    const server = startNtfy();
    const hold = Promise.withResolvers<undefined>();
    server.before = () => hold.promise;
    const { sender } = sendTo(server.topic("open"));
    sender.send(push("a"));
    expect(sender.takeBack("a")).toBe(false);
    hold.resolve(undefined);
    await server.until(({ sequence_id }) => sequence_id === "a");
  });
});
