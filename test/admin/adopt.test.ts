import { describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { databaseWith } from "../support/admin.ts";
import { startBus } from "../support/bus.ts";
import { cli } from "../support/cli.ts";
import { tempFolder } from "../support/folder.ts";
import { DATA } from "../support/home.ts";
import { contents, moments, writeOriginal } from "../support/original.ts";
import { sqlite } from "../support/serve.ts";
import { eventually } from "../support/webhook.ts";

const OLDER = [".claude/event-bus.db", ".claude/contrib/event-bus/data.db"];

function homeWith(place: string): { home: string; file: string } {
  const home = tempFolder();
  const file = join(home, place);
  mkdirSync(dirname(file), { recursive: true });
  writeOriginal(file, 5, "UTC", moments(50));
  return { home, file };
}

describe.each(OLDER)("~/%s, while the bus's own database is empty,", (place) => {
  test("is named by serve in its log and by doctor, with the command that takes it over", async () => {
    const { home, file } = homeWith(place);
    const before = contents(file);
    const files = readdirSync(dirname(file)).sort();
    const env = { HOME: home, AGENT_EVENT_BUS_DB: join(home, DATA, "data.db") };
    const bus = await startBus("binary", { folder: home, args: ["--db", env.AGENT_EVENT_BUS_DB], env });
    const log = join(home, "bus.log");
    const logged = () => (existsSync(log) ? readFileSync(log, "utf8") : "");
    await eventually("it is logged", () => logged().includes(`agent-event-bus adopt ${file}`));
    writeFileSync(join(home, DATA, "settings.env"), `PORT=${bus.port}\n`);
    const { json } = await cli(["doctor", "--json"], { env });
    const note = json().checks.find(({ what }: { what: string }) => what === "older data");
    expect(note).toMatchObject({
      state: "note",
      found: expect.stringContaining(`agent-event-bus adopt ${file}`),
    });

    const refused = await cli(["adopt", file], { env });
    expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining("in use by another")]);
    expect(await bus.stop()).toBe(0);
    // doctor's own message is an event.
    sqlite(env.AGENT_EVENT_BUS_DB, "DELETE FROM events").close(true);

    const { code, stderr, stdout } = await cli(["adopt", file], { env });
    expect(`${code} ${stderr}`).toBe("0 ");
    expect(stdout).toContain("holds 50 events, 40 sessions, 4 webhooks of");
    expect(contents(file)).toEqual(before);
    expect(
      readdirSync(dirname(file))
        .filter((name) => files.includes(name))
        .sort(),
    ).toEqual(files);
    const again = await startBus("binary", { folder: home, args: ["--db", env.AGENT_EVENT_BUS_DB], env });
    const { events } = await again.call("get_events", { limit: 1000 });
    expect(events).toHaveLength(50);
    await again.stop();
    expect(logged().match(/agent-event-bus adopt/g)).toHaveLength(1);
  });
});

test("a database that holds events is not replaced", async () => {
  const { file } = homeWith(OLDER[0] ?? "");
  const db = await databaseWith(3);
  const before = contents(db);
  const { code, stderr } = await cli(["adopt", file, "--db", db]);
  expect([code, stderr]).toEqual([
    1,
    expect.stringContaining("holds 3 events. Only an empty database can be replaced"),
  ]);
  expect(contents(db)).toEqual(before);
});

const unfit: [what: string, write: (file: string) => void][] = [
  ["no file", () => {}],
  ["a text", (file) => writeFileSync(file, "no database ".repeat(100))],
  ["another program's", (file) => sqlite(file, "CREATE TABLE notes (text)").close(true)],
  [
    "of the first prototype",
    (file) =>
      sqlite(
        file,
        `CREATE TABLE sessions (id TEXT, name TEXT, machine TEXT, cwd TEXT, repo TEXT, registered_at TEXT, last_heartbeat TEXT, pid INTEGER);
         CREATE TABLE events (id INTEGER PRIMARY KEY, event_type TEXT, payload TEXT, session_id TEXT, timestamp TEXT)`,
      ).close(true),
  ],
];

test.each(unfit)("a database that is %s is refused, and nothing is changed", async (_what, write) => {
  const folder = tempFolder();
  const file = join(folder, "old.db");
  write(file);
  const db = await databaseWith(0);
  const before = contents(db);
  const { code, stdout, stderr } = await cli(["adopt", file, "--db", db]);
  expect([code, stdout]).toEqual([1, ""]);
  expect(stderr).toMatch(/^agent-event-bus: [^\n]+\n$/);
  expect(contents(db)).toEqual(before);
  expect(existsSync(`${db}.adopted`)).toBe(false);
});
