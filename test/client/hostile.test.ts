import { describe, expect, test } from "bun:test";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { commandsOf } from "../../src/client/commands.ts";
import { operations } from "../../src/operations/index.ts";
import { startBus } from "../support/bus.ts";
import { cli, cliOnTerminal } from "../support/cli.ts";
import { ALL_HOSTILE, HOSTILE, unsafeIn } from "../support/hostile.ts";

test("the check itself sees every sample", () => {
  for (const sample of HOSTILE) expect(unsafeIn(sample)).not.toBeEmpty();
  expect(unsafeIn("plain\nété 日本語 🦕 ⏎ ␛[2J \\u202e")).toBeEmpty();
});

const bus = await startBus("source");
// An argument of a program cannot hold NUL; over MCP it can.
const TYPED = ALL_HOSTILE.replaceAll("\0", "");
const short = (text: string, bytes: number) =>
  Buffer.from(text).subarray(0, bytes).toString().replace("\ufffd", "");
const SHORT = short(ALL_HOSTILE, 120);

const folder = join(bus.folder, "evil\x1b[2J\u202e\x9b31m\u200b");
mkdirSync(folder);

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

/** Every command with hostile text wherever it takes or shows text: [argv, exit code]. */
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
  [["ack", "--session-id", `${typed}nobody`, "--cursor", "1"], 1],
  [["notify", "--title", typed, "--message", TYPED], 1],
  [["webhook", "register", "--url", `https://example.com/${typed}`, "--channel", typed], 0],
  [["webhook", "register", "--url", typed], 1],
  [["webhook", "list", "--all"], 0],
  [["webhook", "disable", "ID"], 0],
  [["webhook", "enable", "ID"], 0],
  [["webhook", "rotate", "ID", "--secret", typed], 1],
  [["webhook", "rotate", "ID"], 0],
  [["webhook", "test", "ID"], 1],
  [["webhook", "deliveries", "ID"], 0],
  [["webhook", "redeliver", "ID", "--dead"], 0],
  [["webhook", "unregister", "ID"], 0],
  [["unregister", "--client-id", typed], 0],
  [["unregister", "--session-id", `${typed}nobody`], 1],
  [["publish", "--type", "t", "--payload", "p", "--session-id", typed], 0],
  // Wrong usage and no bus.
  [[typed], 2],
  [["webhook", typed], 2],
  [["sessions", typed], 2],
  [["sessions", `--${typed}`], 2],
  [["events", "--limit", typed], 2],
  [["events", "--order", typed], 2],
  [["sessions", `--json=${typed}`], 2],
  [["--url", typed, "sessions", "--debug"], 3],
  [["serve", `--${typed}`], 2],
  [["serve", "--port", typed], 2],
  [["serve", "--port", "0", "--host", typed, "--db", join(bus.folder, "other.db")], 1],
];

test("the runs below have every command", () => {
  const words = runs.map(([argv]) => argv.join(" "));
  const missing = commandsOf(operations).filter(({ name }) => !words.some((line) => line.startsWith(name)));
  expect(missing.map(({ name }) => name)).toEqual([]);
});

for (const [webhook, form] of Object.entries({ 1: [], 2: ["--json"] }))
  describe(form.length === 0 ? "for people" : "as JSON", () => {
    for (const [argv, code] of runs)
      test(`nothing raw from: ${argv.map((word) => JSON.stringify(word).slice(0, 24)).join(" ")}`, async () => {
        const words = argv.map((word) => (word === "ID" ? webhook : word));
        const result = await cli([...words, ...form], { bus, cwd: folder });
        expect(unsafeIn(result.stdout)).toEqual([]);
        expect(unsafeIn(result.stderr)).toEqual([]);
        expect(result.code).toBe(code);
        if (form.length > 0) result.json();
      });
  });

test("a terminal gets no escape sequence but our own colours", async () => {
  if (process.platform === "win32") return;
  for (const argv of [["events", "--limit", "1000"], ["sessions"], ["webhook", "list", "--all"]]) {
    const screen = await cliOnTerminal(argv, { bus });
    const own = new RegExp(`${String.fromCharCode(27)}\\[\\d+m`, "g");
    expect(unsafeIn(screen.replace(own, "").replaceAll("\r\n", "\n"))).toEqual([]);
  }
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

test("the log has every call, and nothing raw", async () => {
  await bus.stop();
  const log = readFileSync(join(bus.folder, "bus.log"), "utf8");
  for (const { name } of operations) expect(log).toContain(` ${name} `);
  expect(log).toContain("refused");
  expect(unsafeIn(log)).toEqual([]);
  const errors = await Bun.file(join(bus.folder, "bus.err"))
    .text()
    .catch(() => "");
  expect(unsafeIn(errors)).toEqual([]);
});
