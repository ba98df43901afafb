import { expect, test } from "bun:test";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { fresh, newest } from "../support/agent.ts";
import { startHere } from "../support/bus.ts";
import { cli } from "../support/cli.ts";
import { tempFolder } from "../support/folder.ts";

const bus = await startHere();

const values = [
  "",
  " ",
  "0",
  "0012",
  "1e3",
  "0x10",
  "-1",
  "-x",
  "--",
  "---",
  "- done",
  "--not-a-flag",
  "-h",
  "true",
  "false",
  "null",
  "NaN",
  "Infinity",
  "a=b=c",
  "=",
  "a,b,",
  " spaces at both ends ",
  "two\nlines\n",
  "tab\tand\rreturn",
  "quotes \" and ' and `",
  "back\\slash \\n",
  "$HOME $(id) %s ~",
  "naïve 日本語 🦕 e\u0301",
  "\u0001starts with the guard's own mark",
  '{"json": [1, 2]}',
  "__proto__",
  "@file",
];

for (const value of values) {
  test(`${JSON.stringify(value)} arrives as typed, with a space and with an equals sign`, async () => {
    const base = ["publish", "--type", "t"];
    for (const flags of [["--payload", value], [`--payload=${value}`]]) {
      const { code, stderr } = await cli([...base, ...flags], { bus });
      expect(`${code} ${stderr}`).toBe("0 ");
      expect((await newest(bus)).payload).toBe(value);
    }
  });
}

test("a value that is a flag of the command is taken with an equals sign, and refused with a space", async () => {
  const { code } = await cli(["publish", "--type=--title", "--payload=--json"], { bus });
  expect(code).toBe(0);
  expect(await newest(bus)).toMatchObject({ event_type: "--title", payload: "--json" });
  const spaced = await cli(["publish", "--type", "t", "--payload", "--json"], { bus });
  expect(spaced.code).toBe(64);
  expect(spaced.stderr).toContain("For a value that looks like a flag write --payload=--json.");
});

test("text flags other than the payload are not reinterpreted either", async () => {
  const odd = { channel: "0012", title: "1e3", "correlation-id": "-x", "session-id": "007" };
  const flags = Object.entries(odd).flatMap(([name, value]) => [`--${name}`, value]);
  await cli(["publish", "--type", "0x1", "--payload", "p", "--tags", "01,-2,true", ...flags], { bus });
  expect(await newest(bus)).toMatchObject({
    event_type: "0x1",
    channel: "0012",
    title: "1e3",
    correlation_id: "-x",
    session_id: "007",
    tags: ["01", "-2", "true"],
  });
});

test("the last of a repeated flag counts", async () => {
  await cli(["publish", "--type", "a", "--payload", "p", "--type", "b"], { bus });
  expect((await newest(bus)).event_type).toBe("b");
});

test("flags may stand before and after the ID of a webhook", async () => {
  const { webhook_id } = await bus.call("register_webhook", { url: "https://example.com/" });
  const id = String(webhook_id);
  for (const argv of [
    ["webhook", "disable", "--json", id],
    ["webhook", "disable", id, "--json"],
    ["webhook", "disable", "--json", "--", id],
  ])
    expect((await cli(argv, { bus })).json()).toMatchObject({ webhook_id, active: false });
});

const inputs: [name: string, bytes: string | Uint8Array, payload: string][] = [
  ["text with its newline", "a line\n", "a line\n"],
  ["nothing", "", ""],
  ["only newlines", "\n\n", "\n\n"],
  ["carriage returns", "a\r\nb", "a\r\nb"],
  ["a byte order mark", "\ufeffx", "\ufeffx"],
  ["200 KB", "é🦕".repeat(33_000), "é🦕".repeat(33_000)],
  ["bytes that are no UTF-8", new Uint8Array([0x61, 0xff, 0x62]), "a\ufffdb"],
];

for (const [name, stdin, payload] of inputs)
  test(`--payload - sends stdin exactly: ${name}`, async () => {
    const { code, stderr } = await cli(["publish", "--type", "t", "--payload", "-"], { bus, stdin });
    expect(`${code} ${stderr}`).toBe("0 ");
    expect((await newest(bus)).payload === payload).toBe(true);
  });

test("stdin is left alone when no payload is -", async () => {
  const { code } = await cli(["publish", "--type", "t", "--payload", "mine"], { bus, stdin: "not read" });
  expect(code).toBe(0);
  expect((await newest(bus)).payload).toBe("mine");
});

const own = { AGENT_EVENT_BUS_SESSION_ID: "own", CLAUDE_CODE_SESSION_ID: "claude" };
const sources: [why: string, env: Record<string, string>, flags: string[], session: string][] = [
  ["--session-id", own, ["--session-id", "typed"], "typed"],
  ["AGENT_EVENT_BUS_SESSION_ID", own, [], "own"],
  ["CLAUDE_CODE_SESSION_ID", { CLAUDE_CODE_SESSION_ID: "claude" }, [], "claude"],
  ["CLAUDE_CODE_SESSION_ID over an empty one", { ...own, AGENT_EVENT_BUS_SESSION_ID: "" }, [], "claude"],
  ["the environment over an empty --session-id", own, ["--session-id", ""], "own"],
  ["nobody", {}, [], "anonymous"],
];

for (const [why, env, flags, session] of sources)
  test(`publish, events and ack speak for the session of ${why}`, async () => {
    await cli(["publish", "--type", "t", "--payload", "p", ...flags], { bus, env });
    expect((await newest(bus)).session_id).toBe(session);
    const ack = await cli(["ack", "--cursor", "0", "--json", ...flags], { bus, env });
    const events = await cli(["events", "--resume", "--json", ...flags], { bus, env });
    if (session === "anonymous") return expect([ack.code, events.code]).toEqual([1, 1]);
    for (const { json } of [ack, events])
      expect(json()).toEqual({ error: "Session not found", session_id: session });
  });

test("register and unregister ignore the session of the environment", async () => {
  const env = { AGENT_EVENT_BUS_SESSION_ID: fresh(), CLAUDE_CODE_SESSION_ID: fresh() };
  const answer = (await cli(["register", "--json"], { bus, env })).json();
  expect(Object.values(env)).not.toContain(answer.session_id);
  expect((await cli(["unregister"], { bus, env })).code).toBe(1);
});

test("the name of a folder with odd characters arrives as it is", async () => {
  const folder = join(tempFolder(), "-  日本 $x 'y'");
  mkdirSync(folder);
  const { name, repo } = (await cli(["register", "--json"], { bus, cwd: folder })).json();
  expect([name, repo]).toEqual(["-  日本 $x 'y'", "-  日本 $x 'y'"]);
});

test("a bare host in the URL means /mcp there", async () => {
  const { code } = await cli(["sessions", "--url", `http://127.0.0.1:${bus.port}`]);
  expect(code).toBe(0);
});
