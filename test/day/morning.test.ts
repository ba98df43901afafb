// A person's morning in a shell: who is here, what happened, search, reply, mute, send. No flag is needed for any of it.
import { Database } from "bun:sqlite";
import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import { type ProcessBus, startBus } from "../support/bus.ts";
import { cli, cliOnTerminal } from "../support/cli.ts";
import { removeFolders, tempFolder } from "../support/folder.ts";
import { expectGolden } from "../support/golden.ts";

const noTerminal = process.platform === "win32";
let bus: ProcessBus;

const SESSIONS = [
  { id: "api", name: "api", repo: "shop", display: "brave-trex" },
  { id: "web", name: "web", repo: "shop", display: "calm-heron" },
  { id: "docs", name: "a-very-long-session-name-of-the-handbook", repo: "handbook", display: "swift-otter" },
];

/** What agents said over night. The first is of another year. */
const NIGHT: readonly (readonly [from: string, type: string, channel: string, text: string])[] = [
  ["docs", "note", "all", "The handbook has a new chapter"],
  [
    "api",
    "question",
    "session:web",
    "Do the access tokens expire after an hour, or do they live as long as the session does?",
  ],
  ["web", "answer", "session:api", "After an hour. The refresh token lives for 30 days."],
  ["api", "ci_failed", "repo:shop", "main is red: 2 tests of checkout fail\nsee run 4711"],
  ["web", "help_needed", "all", "I cannot reach the staging database"],
  ["docs", "message", "@human", "May I publish the handbook?"],
];

beforeAll(async () => {
  const folder = tempFolder(true);
  bus = await startBus("binary", { folder, outlives: true });
  for (const { id, name, repo } of SESSIONS)
    await bus.call("register_session", { name, client_id: id, repo, machine: "desk" });
  for (const [session_id, event_type, channel, payload] of NIGHT)
    await bus.call("publish_event", { event_type, payload, channel, session_id });
  await bus.stop();
  age(join(folder, "data.db"));
  bus = await startBus("binary", { folder, outlives: true });
});
afterAll(async () => {
  await bus.kill();
  removeFolders();
});

/** Gives the sessions names and ages that are the same in every run, and the first note a date. */
function age(file: string): void {
  const db = new Database(file);
  for (const { id, display } of SESSIONS)
    db.run("UPDATE sessions SET display_id = ?, last_heartbeat = ? WHERE id = ?", [
      display,
      new Date(Date.now() - 150_000).toISOString().replace("Z", "+00:00"),
      id,
    ]);
  db.run(
    "UPDATE events SET timestamp = '2025-03-14T17:30:00.000+00:00' WHERE event_type IN ('note', 'session_registered')",
  );
  db.close();
}

/** Clocks of today are another in every run. */
function steady(screen: string): string {
  return (
    screen
      .replaceAll("\r\n", "\n")
      // An hour before midnight, in an hour is tomorrow.
      .replace(/(?<=muted until )\d+ \w{3} (?=\d\d:\d\d)/g, "")
      .replace(/(?<!\d{4}-\d\d-\d\d |\d)\d\d:\d\d(:\d\d)?\b/g, (clock) => "09:41:00".slice(0, clock.length))
      .replace(/(?<!\d)\d+ s ago\b/g, "now")
  );
}

async function screens(
  lines: readonly string[][],
  options: { columns: number; env: Record<string, string> },
) {
  const shown: string[] = [];
  for (const line of lines) {
    const screen = steady(await cliOnTerminal(line, { bus, ...options }));
    shown.push(`$ agent-event-bus ${line.map(quoted).join(" ")}\n${screen}`);
    for (const row of Bun.stripANSI(screen).split("\n"))
      expect({ row, fits: Bun.stringWidth(row) <= options.columns }).toEqual({ row, fits: true });
  }
  return shown.join("\n");
}

const quoted = (word: string) => (/^[\w@:.-]+$/.test(word) ? word : `"${word}"`);
const golden = (name: string) => join(import.meta.dir, "morning", name);

const LOOK = [
  [],
  ["sessions"],
  ["inbox"],
  ["events", "--since", "yesterday"],
  ["events", "--grep", "token"],
  ["events", "--full", "-n", "2"],
];
const ACT = [
  ["reply", "9", "Yes, go ahead"],
  ["attention", "api", "--mute", "1h"],
  ["send", "web", "The staging database is back"],
  ["events", "-n", "3"],
  ["sessions"],
];
const PLAIN = { TZ: "UTC", NO_COLOR: "1" };

test.skipIf(noTerminal)("a morning on 80 columns: look, search, reply, mute, send", async () => {
  expectGolden(golden("80.txt"), await screens([...LOOK, ...ACT], { columns: 80, env: PLAIN }));
});

test.skipIf(noTerminal)("120 columns show more", async () => {
  expectGolden(golden("120.txt"), await screens(LOOK.slice(1), { columns: 120, env: PLAIN }));
});

test.skipIf(noTerminal)("colours mark what matters", async () => {
  const shown = await screens(LOOK.slice(1), { columns: 80, env: { TZ: "UTC" } });
  expectGolden(golden("colours.txt"), shown.replaceAll("\x1b", "␛"));
});

test("a pipe gets whole lines, in the order of the bus", async () => {
  const { stdout } = await cli(["events", "-n", "3"], { bus, env: { TZ: "UTC" } });
  expectGolden(golden("pipe.txt"), stdout.replace(/^\d{4}-\d\d-\d\d \d\d:\d\d/gm, "2026-02-03 09:41"));
});
