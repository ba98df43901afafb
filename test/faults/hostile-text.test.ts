import { describe, expect, test } from "bun:test";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileCommands } from "../../src/admin/index.ts";
import { commandsOf } from "../../src/cli/commands.ts";
import { operations, personOperations } from "../../src/operations/index.ts";
import { startBus } from "../support/bus.ts";
import { cli, cliOnTerminal, startOnTerminal } from "../support/cli.ts";
import { tempFolder } from "../support/folder.ts";
import { ALL_HOSTILE, HOSTILE, unsafeIn } from "../support/hostile.ts";
import { post, raw } from "../support/raw.ts";
import { eventually } from "../support/webhook.ts";

test("the check itself sees every sample", () => {
  for (const sample of HOSTILE) expect(unsafeIn(sample)).not.toBeEmpty();
  expect(unsafeIn("plain\nété 日本語 🦕 ⏎ ␛[2J \\u202e")).toBeEmpty();
});

let texts = 0;
let characters = 0;

function expectSafe(text: string): void {
  texts++;
  characters += text.length;
  expect(unsafeIn(text)).toEqual([]);
}

/** What a terminal got, but for our own colours and its line ends. */
function withoutColours(screen: string): string {
  const own = new RegExp(`${String.fromCharCode(27)}\\[\\d*m`, "g");
  return screen.replace(own, "").replaceAll("\r\n", "\n");
}

const PING = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "ping" });
const bus = await startBus("binary");
// An argument of a program cannot hold NUL; over MCP it can.
const TYPED = ALL_HOSTILE.replaceAll("\0", "");
const short = (text: string, bytes: number) =>
  Buffer.from(text).subarray(0, bytes).toString().replace("\ufffd", "");
const SHORT = short(ALL_HOSTILE, 120);

const folder = join(bus.folder, "evil\x1b[2J\u202e\x9b31m\u200b");
mkdirSync(folder);

/** Names of files in that folder; a folder of tokens with one that is none. */
const FILE = short(TYPED.replaceAll("/", ""), 100);
const [NOTHING, TEXT] = [`${FILE}-nothing`, `${FILE}-text`];
writeFileSync(join(folder, TEXT), `${ALL_HOSTILE} `.repeat(20));
mkdirSync(join(folder, `${FILE}.tokens`));
writeFileSync(join(folder, `${FILE}.tokens`, `${FILE}.json`), ALL_HOSTILE);

await bus.call("register_session", {
  name: short(ALL_HOSTILE, 256),
  machine: `${SHORT}m`,
  repo: `${SHORT}r`,
  cwd: ALL_HOSTILE,
  client_id: `${SHORT}c`,
});
await bus.call("publish_event", {
  event_type: SHORT,
  payload: `${ALL_HOSTILE}\nsecond line ${ALL_HOSTILE}`,
  channel: `repo:${SHORT}`,
  title: short(ALL_HOSTILE, 256),
  tags: HOSTILE.map((sample) => short(sample, 60)),
  session_id: `${SHORT}s`,
  correlation_id: `${SHORT}k`,
});
for (const sample of HOSTILE)
  await bus.call("publish_event", { event_type: "note", payload: sample, session_id: "x" });
await bus.call("register_webhook", {
  url: `https://example.com/${ALL_HOSTILE}`,
  channel: SHORT,
  event_types: [SHORT],
});

/** Every command with hostile text wherever it takes or shows text: [argv, exit code]; {n} is 1, then 2. */
const typed = short(TYPED, 120);
const runs: [argv: string[], code: number][] = [
  [["register", "--name", TYPED.slice(0, 60), "--client-id", typed], 0],
  [["sessions"], 0],
  [["channels"], 0],
  [
    ["publish", "--type", typed, "--payload", TYPED, "--channel", `session:${typed}`, "--session-id", typed],
    0,
  ],
  [["publish", "--type", "t", "--payload", "p", "--title", typed, "--signal-level", typed.slice(0, 20)], 0],
  [["events", "--limit", "1000"], 0],
  [["events", "--order", "asc", "--limit", "2"], 0],
  [["events", "--session-id", typed, "--resume"], 0],
  [["ack", "--session-id", typed, "--cursor", typed], 1],
  [["ask", "--to", typed, "--payload", TYPED, "--session-id", typed, "--timeout", "1s"], 1],
  [["reply", "--to", "2", "--payload", TYPED, "--session-id", typed], 0],
  [["message", "2"], 1],
  [["publish", "--type", typed, "--payload", TYPED, "--channel", "@human", "--session-id", typed], 0],
  [["send", typed, TYPED, "--title", typed], 0],
  [["send", "@human", TYPED], 0],
  [["events", "--full", "--all"], 0],
  [["inbox"], 0],
  [["needs"], 0],
  [["statusline"], 0],
  [["needs", "--all"], 0],
  [["answer", "1", TYPED], 1],
  [["attention", typed], 0],
  [["attention", "all", "--wake", typed], 64],
  [["attention", "all", "--mute", "1m"], 0],
  [["attention", "all", "--unmute"], 0],
  [["sessions", "--cost"], 0],
  [["publish", "--type", typed, "--payload", TYPED, "--channel", `@${typed}`, "--track"], 0],
  [["ack", "--session-id", `${typed}nobody`, "--cursor", "1"], 1],
  [["notify", "--title", typed, "--message", TYPED], 1],
  [["webhook", "register", "--url", `https://example.com/${typed}`, "--channel", typed], 0],
  [["webhook", "register", "--url", typed], 1],
  [["webhook", "list", "--all"], 0],
  [["webhook", "disable", "{n}"], 0],
  [["webhook", "enable", "{n}"], 0],
  [["webhook", "rotate", "{n}", "--secret", typed], 1],
  [["webhook", "rotate", "{n}"], 0],
  [["webhook", "test", "{n}"], 1],
  [["webhook", "deliveries", "{n}"], 0],
  [["webhook", "redeliver", "{n}", "--dead"], 0],
  [["webhook", "unregister", "{n}"], 0],
  [["source", "add", "json", "--name", "h{n}", "--channel", typed, "--type", typed, "--title", typed], 0],
  [["source", "add", "json", "--name", typed.slice(0, 30)], 1],
  [["source", "add", typed, "--name", "x"], 64],
  [["source", "list"], 0],
  [["source", "test", "h{n}", "--body", JSON.stringify({ title: typed, text: TYPED })], 0],
  [["source", "test", "h{n}", "--body", TYPED], 1],
  [["source", "test", typed.slice(0, 30)], 1],
  [["source", "rotate", "h{n}", "--secret", typed], 1],
  [["source", "rotate", "h{n}"], 0],
  [["source", "rm", "h{n}"], 0],
  [["unregister", "--client-id", typed], 0],
  [["unregister", "--session-id", `${typed}nobody`], 1],
  [["publish", "--type", "t", "--payload", "p", "--session-id", typed], 0],
  // Commands on files.
  [["token", "create", "--name", typed.slice(0, 40), "--db", FILE], 64],
  [["token", "create", "--name", "t{n}", "--expires", typed.slice(0, 10), "--db", FILE], 64],
  [["token", "create", "--name", "t{n}", "--scope", typed.slice(0, 8), "--db", FILE], 64],
  [["token", "create", "--name", "t{n}", "--db", FILE], 0],
  [["token", "create", "--name", "t{n}", "--db", FILE], 1],
  [["token", "list", "--db", FILE], 0],
  [["token", "revoke", typed.slice(0, 40), "--db", FILE], 1],
  [["token", "revoke", "t{n}", "--db", FILE], 0],
  [["token", "list", "--db", NOTHING], 0],
  [["backup", `${FILE}-{n}`, "--db", bus.db], 0],
  [["backup", `${FILE}-{n}`, "--db", bus.db], 1],
  [["backup", `${FILE}-{n}`, "--db", NOTHING], 1],
  [["backup", join(NOTHING, "{n}"), "--db", bus.db], 1],
  [["backup", "new-{n}", "--db", TEXT], 1],
  [["restore", FILE, "--db", bus.db], 1],
  [["restore", join(NOTHING, "{n}"), "--db", NOTHING], 1],
  [["restore", TEXT, "--db", NOTHING], 1],
  [["adopt", join(NOTHING, "{n}"), "--db", NOTHING], 1],
  [["adopt", FILE, "--db", FILE], 1],
  [["migrate", "--to", `${FILE}-m`, "--db", FILE], 64],
  [["migrate", "--to", `postgres://u@127.0.0.1:1/${typed}`, "--db", NOTHING], 1],
  [["migrate", "--to", `postgres://u@127.0.0.1:1/${encodeURIComponent(typed)}`, "--db", `${FILE}-{n}`], 1],
  [["migrate", "--to", `postgres://${typed}`, "--db", FILE], 78],
  [["check", "--db", `${FILE}-{n}`], 0],
  [["check", "--db", NOTHING], 1],
  [["check", "--db", TEXT], 1],
  // Wrong usage and no bus.
  [[typed], 64],
  [["webhook", typed], 64],
  [["sessions", typed], 64],
  [["sessions", `--${typed}`], 64],
  [["mute", typed], 1],
  [["open", "--no-browser"], 1],
  [["events", "--limit", typed], 64],
  [["events", "--order", typed], 64],
  [["sessions", `--json=${typed}`], 64],
  [["--url", typed, "sessions", "--debug"], 3],
  [["serve", `--${typed}`], 64],
  [["serve", "--port", typed], 78],
  [["serve", "--port", "0", "--db", TEXT], 1],
  [["serve", "--port", "0", "--host", typed, "--db", join(bus.folder, "other.db")], 78],
  // That one has tokens, so it may listen for other machines.
  [["serve", "--port", "0", "--host", typed, "--db", FILE], 1],
];

test("the runs below have every command", () => {
  const words = runs.map(([argv]) => argv.join(" "));
  const all = [
    ...commandsOf([...operations, ...personOperations]),
    ...fileCommands.map(({ command }) => command),
  ];
  const missing = all.filter(({ name }) => !words.some((line) => line.startsWith(name)));
  expect(missing.map(({ name }) => name)).toEqual([]);
});

for (const [round, form] of Object.entries({ 1: [], 2: ["--json"] }))
  describe(form.length === 0 ? "for people" : "as JSON", () => {
    for (const [argv, code] of runs)
      test(`nothing raw from: ${argv.map((word) => JSON.stringify(word).slice(0, 24)).join(" ")}`, async () => {
        const words = argv.map((word) => word.replaceAll("{n}", round));
        const result = await cli([...words, ...form], { bus, cwd: folder });
        expectSafe(`${result.stdout}${result.stderr}`);
        expect(result.code).toBe(code);
        if (form.length > 0) result.json();
      });
  });

test("a terminal gets no escape sequence but our own colours", async () => {
  if (process.platform === "win32") return;
  for (const argv of [["events", "--limit", "1000"], ["sessions"], ["webhook", "list", "--all"]])
    expectSafe(withoutColours(await cliOnTerminal(argv, { bus })));
});

test("JSON gives back the original text, character for character", async () => {
  const { events } = (await cli(["events", "--order", "asc", "--limit", "1000", "--json"], { bus })).json();
  const payloads = events.map((event: { payload: string }) => event.payload);
  for (const sample of HOSTILE) expect(payloads).toContain(sample);
  const direct = await bus.call("get_events", { order: "asc", limit: 1000 });
  expect(events).toEqual(direct.events);
  const sessions = (await cli(["sessions", "--json"], { bus })).json();
  expect(sessions.map((session: { cwd: string }) => session.cwd)).toContain(ALL_HOSTILE);
});

test("people see that something was there", async () => {
  const { stdout } = await cli(["events", "--limit", "1000"], { bus });
  for (const visible of ["␛[2J", "␛]52;c;ZXZpbA==␇", "harmless␍OVERWRITTEN", "\\x9b2J", "\\u202egnp.exe"])
    expect(stdout).toContain(visible);
  expect(stdout).toContain("\\u{e0041}");
});

const CLIENT = { "x-forwarded-for": "100.64.0.7" };

/** Heads with hostile text; what HTTP does not allow in a head may be answered or cut. */
const heads: [what: string, (text: string) => Uint8Array][] = [
  ["Host", (host) => post(PING, { host })],
  ["Origin", (origin) => post(PING, { origin })],
  ["Authorization", (text) => post(PING, { authorization: `Bearer ${text}` })],
  ["Tailscale-User-Login", (text) => post(PING, { ...CLIENT, "tailscale-user-login": text })],
  ["X-Forwarded-For", (text) => post(PING, { "x-forwarded-for": text })],
  ["MCP-Protocol-Version", (text) => post(PING, { "mcp-protocol-version": text })],
  ["User-Agent", (text) => post(PING, { "user-agent": text })],
  ["path", (text) => post(PING, {}, `POST /${text.replaceAll(" ", "")} HTTP/1.1`)],
  ["method", (text) => post(PING, {}, `${text.replaceAll(" ", "")} /mcp HTTP/1.1`)],
];

test("a bus on a terminal shows nothing raw of what comes in a head", async () => {
  if (process.platform === "win32") return;
  for (const [what, head] of heads) {
    const home = tempFolder();
    const env = { HOME: home, AGENT_EVENT_BUS_ALLOWED_LOGINS: "nobody@example.com" };
    const { child, shown } = await startOnTerminal(["serve", "--port", "0"], { env, cwd: folder });
    await eventually(`the bus for ${what} listens`, () => /listens on \S+:\d+\/mcp/.test(shown()), 20_000);
    const port = Number(/listens on \S+:(\d+)/.exec(shown())?.[1]);
    for (const sample of [...HOSTILE, "evil", "a@b.example"]) await raw(port, head(sample));
    child.kill("SIGTERM");
    expect(await child.exited).toBe(0);
    child.terminal?.close();
    expectSafe(withoutColours(shown()));
    expectSafe(readFileSync(join(home, ".claude/contrib/agent-event-bus/agent-event-bus.log"), "utf8"));
  }
}, 120_000);

test("the log has every call, nothing raw and no long line; stderr has nothing", async () => {
  await bus.stop();
  const log = readFileSync(join(bus.folder, "bus.log"), "utf8");
  for (const { name } of operations) expect(log).toContain(` ${name} `);
  expect(log).toContain("refused");
  expectSafe(log);
  const longest = Math.max(...log.split("\n").map((line) => line.length));
  expect(longest).toBeLessThan(2_000);
  const errors = Bun.file(join(bus.folder, "bus.err"));
  if (await errors.exists()) expectSafe(await errors.text());
  expect(await new Response(bus.process.stderr).text()).toBe("");
  console.log(
    `T1: ${runs.length * 2} runs of ${new Set(runs.map(([argv]) => argv[0])).size} commands, ${heads.length} parts of a head, ` +
      `${texts} texts with ${characters} characters: 0 unsafe; the longest of ${log.split("\n").length - 1} log lines has ${longest}`,
  );
});
