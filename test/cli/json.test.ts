import { expect, test } from "bun:test";
import { commandsOf } from "../../src/cli/commands.ts";
import { operations, personOperations } from "../../src/operations/index.ts";
import { answerNext } from "../support/agent.ts";
import { startHere } from "../support/bus.ts";
import { bash, cli } from "../support/cli.ts";
import { tempFolder } from "../support/folder.ts";

const bus = await startHere();
const nobody = { url: "http://127.0.0.1:1/mcp" };
const session = (await bus.call("register_session", { name: "s", client_id: "s-1" })).session_id;
const direct = { event_type: "t", payload: "p", channel: `session:${session}` };
const MESSAGE = String((await bus.call("publish_event", direct)).event_id);
const webhook = await bus.call("register_webhook", { url: "https://example.com/" });
const ID = String(webhook.webhook_id);
const receiver = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response() });
const received = await bus.call("register_webhook", { url: String(receiver.url), event_types: ["never"] });
const RECEIVED = String(received.webhook_id);

/** Each command as it works. */
const works: Record<string, string[]> = {
  register: [],
  sessions: [],
  attention: [session],
  inbox: [],
  needs: [],
  answer: ["1", "yes"],
  mute: [],
  open: ["--no-browser"],
  channels: [],
  send: [session, "hi"],
  publish: ["--type", "t", "--payload", "two\nlines"],
  events: [],
  ack: ["--session-id", session, "--cursor", "1"],
  ask: ["--to", session, "--payload", "well?"],
  reply: ["--to", "1", "--payload", "yes"],
  message: [MESSAGE],
  unregister: ["--session-id", session],
  notify: ["--title", "t", "--message", "m"],
  "webhook register": ["--url", "https://example.com/x"],
  "webhook list": [],
  "webhook disable": [ID],
  "webhook enable": [ID],
  "webhook rotate": [ID],
  "webhook deliveries": [],
  "webhook redeliver": [ID, "--dead"],
  "webhook test": [RECEIVED],
  "webhook unregister": [ID],
  "source add": ["github", "--name", "ci"],
  "source list": [],
  "source test": ["ci"],
  "source rotate": ["ci"],
  "source rm": ["ci"],
};

test("the table has every command", () => {
  const names = commandsOf([...operations, ...personOperations]).map(({ name }) => name);
  expect(Object.keys(works).sort()).toEqual(names.sort());
});

for (const [command, flags] of Object.entries(works)) {
  const argv = [...command.split(" "), ...flags, "--json"];

  test(`${command} --json prints one document`, async () => {
    const answered = command === "ask" ? answerNext(bus, "yes") : undefined;
    const { json, code } = await cli(argv, { bus });
    await answered;
    expect(json()).toBeObject();
    // This bus has no desktop to notify, and only its user may answer.
    expect(code).toBe(["notify", "answer", "open"].includes(command) ? 1 : 0);
  });

  test(`${command} --json prints one document when no bus is there`, async () => {
    const { json, code } = await cli(argv, { bus: nobody });
    expect(json()).toEqual({ error: expect.stringContaining(nobody.url) });
    expect(code).toBe(3);
  });

  test(`${command} --json prints one document when the usage is wrong`, async () => {
    const { json, code } = await cli([...argv, "--no-such-flag"], { bus });
    expect(json().error).toContain("--no-such-flag");
    expect(code).toBe(64);
  });

  test(`${command} --help --json prints one document`, async () => {
    const { json, code, stderr } = await cli([...argv, "--help"]);
    expect(json()).toEqual({ help: expect.stringContaining(command) });
    expect(`${code}${stderr}`).toBe("0");
  });
}

/** What the bus refuses, and how: each prints the object and exits with 1. */
const refused: [why: string, argv: string[], expected: object][] = [
  ["unknown session", ["ack", "--session-id", "nobody", "--cursor", "1"], { error: "Session not found" }],
  ["unknown webhook", ["webhook", "enable", "999"], { error: "Webhook 999 not found", success: false }],
  ["a cursor that is none", ["ack", "--session-id", "s-1", "--cursor", "x"], { session_id: "s-1" }],
  ["a URL that is none", ["webhook", "register", "--url", "x"], { error: expect.stringContaining('"x"') }],
  ["an empty type", ["publish", "--type", "", "--payload", "p"], { error: expect.any(String) }],
];

for (const [why, argv, expected] of refused)
  test(`a refusal (${why}) is one document, exit code 1`, async () => {
    const { json, code } = await cli([...argv, "--json"], { bus });
    expect(json()).toMatchObject(expected);
    expect(json().error).toBeString();
    expect(code).toBe(1);
  });

const odd: [why: string, argv: string[], code: number][] = [
  ["no command", ["--json"], 0],
  ["an unknown command", ["publsh", "--json"], 64],
  ["half a command", ["webhook", "--json"], 64],
  ["a missing flag", ["publish", "--type", "x", "--json"], 64],
  ["a missing value", ["publish", "--json", "--type"], 64],
  ["a bad number", ["events", "--limit", "many", "--json"], 64],
  ["--json before the command", ["--json", "sessions"], 0],
  ["--json=true", ["sessions", "--json=true"], 0],
  ["--json twice", ["sessions", "--json", "--json"], 0],
  ["--version", ["--version", "--json"], 0],
  ["--help", ["--help", "--json"], 0],
  ["help", ["help", "publish", "--json"], 0],
  ["serve --help", ["serve", "--help", "--json"], 0],
  ["serve --version", ["serve", "--json", "--version"], 0],
  ["an unknown flag of serve", ["serve", "--json", "--prot", "1"], 64],
  ["a bad port", ["serve", "--json", "--port", "http"], 78],
  ["a database that cannot be", ["serve", "--json", "--port", "0", "--db", "/dev/null/x.db"], 1],
];

for (const [why, argv, code] of odd)
  test(`with --json, ${why} is one document, exit code ${code}`, async () => {
    const result = await cli(argv, { bus });
    expect(result.json()).toBeObject();
    expect(result.code).toBe(code);
    expect(result.stderr === "").toBe(code === 0);
  });

test("serve --json prints one document with the URL, the database and the log", async () => {
  const folder = tempFolder();
  const { code, stdout } = await bash(
    'agent-event-bus serve --port 0 --db data.db --json > out & until [ -s out ]; do sleep 0.05; done; kill "$!"; wait "$!"; cat out',
    { cwd: folder },
  );
  expect(code).toBe(0);
  const { url, database, log } = JSON.parse(stdout);
  expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/mcp$/);
  expect([database, log]).toEqual(["data.db", expect.stringContaining("agent-event-bus.log")]);
});

test("the value --json of another flag does not ask for JSON", async () => {
  const { stdout, code } = await cli(["publish", "--type", "t", "--payload=--json"], { bus });
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ payload: "--json" });
  expect(stdout).toContain("\n  ");
});

test("a list is a JSON list", async () => {
  for (const argv of [["sessions"], ["channels"], ["webhook", "list"]])
    expect((await cli([...argv, "--json"], { bus })).json()).toBeArray();
});

for (const kind of ["binary", "node"] as const)
  test.skipIf(process.platform === "win32")(
    `a document larger than a pipe holds arrives whole at a slow reader (${kind})`,
    async () => {
      const big = await startHere();
      const payload = "é🦕".repeat(80_000);
      for (let i = 0; i < 4; i++) await big.call("publish_event", { event_type: "big", payload });
      const { stdout, stderr, code } = await bash(
        "set -o pipefail; agent-event-bus events --json | (sleep 0.5; cat)",
        { bus: big, kind },
      );
      expect(`${code} ${stderr}`).toBe("0 ");
      const { events } = JSON.parse(stdout);
      expect(events.every((event: { payload: string }) => event.payload === payload)).toBe(true);
      expect(events).toBeArrayOfSize(4);
    },
  );
