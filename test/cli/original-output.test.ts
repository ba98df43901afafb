import { describe, expect, test } from "bun:test";
import { fresh } from "../support/agent.ts";
import { startBus } from "../support/bus.ts";
import { cli, cliOnTerminal, startBusWithDesktop } from "../support/cli.ts";
import { unsafeIn } from "../support/hostile.ts";

const bus = await startBusWithDesktop("binary");
const ME = fresh("client");
const me = await bus.call("register_session", { name: "one", client_id: ME, machine: "m", repo: "r" });
const other = await bus.call("register_session", { name: "two", machine: "m", repo: "r" });
const QUESTION = {
  event_type: "help_needed",
  payload: "first\nsecond",
  title: "Head",
  tags: ["review", "urgent"],
  correlation_id: "rev-1",
};
const { event_id } = await bus.call("publish_event", QUESTION);

/** What published hooks, status lines and extensions look for, on stdout of the command under the original's name. */
const lines: [command: string, line: RegExp][] = [
  ["sessions", /^Active sessions \(2\):\n\n {2}\S/],
  [
    "sessions",
    new RegExp(`^ {2}${me.display_id} {2}one\\n {4}repo: r, machine: m\\n {4}client_id: ${ME}\\n`, "m"),
  ],
  ["sessions", new RegExp(`^ {4}age: \\d+s\\n {4}session_id: ${other.session_id.slice(0, 8)}…\\n`, "m")],
  ["sessions", new RegExp(`^ {4}channels: all, session:${ME}, repo:r, machine:m$`, "m")],
  ["channels", /^Active channels \(5\):\n\n {2}all {2}\(2 subscribers\)\n/],
  ["channels", new RegExp(`^ {2}session:${ME} {2}\\(1 subscriber\\)$`, "m")],
  [
    "events --limit 1",
    new RegExp(`^\\[${event_id}\\] help_needed \\(all\\) \\[actionable\\]\\n {4}title: Head\\n`),
  ],
  [
    "events --limit 1",
    /\n {4}first\n {4}second\n {4}from: anonymous at 20\S+Z corr:rev-1 tags:review,urgent\n\n$/,
  ],
  ["events --channel nobody", /^No events\n$/],
  [`ack --session-id ${ME} --cursor ${event_id}`, new RegExp(`: ${me.cursor} → ${event_id}\\n$`)],
  ["notify --title t --message m", /^Notification sent\n$/],
];

describe("under the name agent-event-bus-cli", () => {
  test.each(lines)("%s prints %s", async (command, line) => {
    const { stdout, stderr, code } = await cli(command.split(" "), { bus, original: true });
    expect(stdout).toMatch(line);
    expect(code).toBe(0);
    expect(stderr.replace(/^More events available: .*\n$/, "")).toBe("");
  });

  test.each(["sessions", "channels"])("%s without a session says so", async (command) => {
    const empty = await startBus("binary");
    const { stdout } = await cli([command], { bus: empty, original: true });
    expect(stdout).toBe(`No active ${command}\n`);
  });

  test("an event's text cannot colour a terminal", async () => {
    const evil = { event_type: "x\u001b[31m", payload: "\u001b[2J", title: "\u0007", channel: "evil" };
    await bus.call("publish_event", evil);
    const { stdout } = await cli(["events", "--channel", "evil"], { bus, original: true });
    expect(unsafeIn(stdout)).toEqual([]);
  });

  const ambiguous: [flag: string, code: number][] = [
    ["--c", 64],
    ["--lim", 0],
    ["--limi", 0],
    ["--limits", 64],
  ];
  test.each(ambiguous)(
    "events %s 1 ends with %d: a flag may be shortened while it is unambiguous",
    async (flag, code) => {
      expect((await cli(["events", flag, "1"], { bus, original: true })).code).toBe(code);
      expect((await cli(["events", `${flag}=1`], { bus, original: true })).code).toBe(code);
    },
  );

  test("a prefix means a flag of the original before one that came later", async () => {
    const id = fresh("prefix");
    const { stdout } = await cli(["register", "--na", "short", "--c", id], { bus, original: true });
    expect(JSON.parse(stdout)).toMatchObject({ session_id: id, name: "short" });
  });
});

test("under its own name a flag is typed in full", async () => {
  expect((await cli(["events", "--lim", "1"], { bus })).code).toBe(64);
});

/** Commands whose bare output scripts hand to jq. */
const documents: [command: string, answer: object][] = [
  [
    "register --name doc --client-id doc-1",
    { session_id: "doc-1", name: "doc", display_id: expect.any(String) },
  ],
  ["publish --type t --payload p", { event_id: expect.any(Number), event_type: "t", payload: "p" }],
  ["webhook register --url https://example.com/x", { webhook_id: expect.any(Number) }],
  ["unregister --client-id doc-1", { success: true, session_id: "doc-1" }],
];

for (const [name, original] of [
  ["agent-event-bus-cli", true],
  ["agent-event-bus", false],
] as const)
  test.each(documents)(
    `${name} %s prints the JSON document where no person reads it`,
    async (command, answer) => {
      const { stdout, code } = await cli(command.split(" "), { bus, original });
      expect(JSON.parse(stdout)).toMatchObject(answer);
      // As the original lays it out: scripts without jq cut it with sed.
      expect(stdout).toMatch(/^\{\n {2}"\w+": /);
      expect(code).toBe(0);
    },
  );

test("a refusal prints no document, its words on stderr and 1", async () => {
  const { stdout, stderr, code } = await cli(["unregister", "--session-id", "nobody"], {
    bus,
    original: true,
  });
  expect([stdout, stderr, code]).toEqual(["", "agent-event-bus: Session not found\n", 1]);
});

test.skipIf(process.platform === "win32")("on a terminal they speak to a person", async () => {
  for (const env of [{}, { NO_COLOR: "1" }])
    expect(await cliOnTerminal(["publish", "--type", "t", "--payload", "p"], { bus, env })).toContain(
      "Published ",
    );
});
