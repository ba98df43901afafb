import { expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { allCommands } from "../../src/cli/registry.ts";
import { startHere } from "../support/bus.ts";
import { cli } from "../support/cli.ts";
import { tempFolder } from "../support/folder.ts";

const bus = await startHere();
await bus.call("register_session", { name: "here", client_id: "here-1" });
await bus.call("register_session", { name: "gone", client_id: "gone-1" });
await bus.call("unregister_session", { session_id: "gone-1" });

const PUBLISH = ["publish", "--type", "t", "--payload", "p"];

const usage: [argv: string[], says: string][] = [
  [["publish", "--type", "t"], "publish needs a TEXT."],
  [["notify", "--title", "t"], "notify needs --message."],
  [["webhook", "register"], "webhook register needs a URL."],
  [["ack", "--session-id", "x"], "ack needs --cursor."],
  [["webhook", "enable"], "webhook enable needs an ID."],
  [["webhook", "enable", "one"], 'ID takes a whole number, not "one".'],
  [["webhook", "enable", "1", "2"], 'Unexpected argument "2".\nUsage: agent-event-bus webhook enable ID\n'],
  [["webhook"], "webhook needs a command: register, list,"],
  [["sessions", "all"], 'Unexpected argument "all".'],
  [["events", "--limit", "1.5"], '--limit takes a whole number, not "1.5".'],
  [["events", "--limit", "-1"], "--limit takes a number from 0 on, not -1."],
  [["events", "--timeout", "0"], '--timeout takes a time like 30s, or milliseconds, not "0".'],
  [["events", "--order", "up"], '--order is one of asc, desc, not "up".'],
  [["events", "--min-level", "loud"], '--min-level is one of lifecycle, info, actionable, not "loud".'],
  [["publish", "--type"], "--type needs a value."],
  [["publish", "--type", "--payload", "p"], "--type needs a value, but --payload follows."],
  [["events", "--peek=no"], '--peek takes no value, but was given "no".'],
  [["publsh"], 'Unknown command "publsh". Did you mean "publish"?'],
  [["webhook", "lst"], 'Unknown command "webhook lst". Did you mean "webhook list"?'],
  [["frobnicate"], 'Unknown command "frobnicate".\nagent-event-bus --help lists all commands.\n'],
  [["serv"], 'Unknown command "serv". Did you mean "serve"?'],
  [["publish", "--paylod", "p"], 'Unknown flag --paylod. Did you mean "--payload"?'],
  [["publish", "-p", "p"], "Unknown flag -p."],
  [["sessions", "--session-id", "x"], "Unknown flag --session-id."],
  [["--jsno", "sessions"], 'Unknown flag --jsno. Did you mean "--json"?'],
  [["--json", "serve"], "serve must be the first word."],
  [["--json", "hook", "prompt"], "hook must be the first word."],
  [["webhook", "delete", "1"], 'Unknown command "webhook delete".\nThe commands: register, list,'],
  [["serve", "--prot", "1"], "serve has no flag --prot."],
  [["serve", "--port"], "--port needs a value."],
  [["serve", "now"], "serve takes no further word."],
  [["hook", "nonsense"], '"nonsense" is not a hook.'],
  [["hook", "prompt", "more"], 'unexpected argument "more". Try: agent-event-bus hook prompt'],
];

for (const [argv, says] of usage)
  test(`64 for wrong usage: ${argv.join(" ") || "nothing at all"}`, async () => {
    const { code, stderr, stdout } = await cli(argv, { bus });
    expect(stderr).toContain(`agent-event-bus: ${says}`);
    if (!argv.includes("--json")) expect(stdout).toBe("");
    expect(code).toBe(64);
  });

const sessionless: [argv: string[], says: string][] = [
  [["ack", "--cursor", "1"], "ack needs a session. Add --session-id ID."],
  [["events", "--resume"], "--resume needs a session. Add --session-id ID."],
  [["unregister"], "unregister needs --session-id or --client-id."],
];

for (const [argv, says] of sessionless)
  test(`1 without a session, as the original: ${argv.join(" ")}`, async () => {
    for (const original of [false, true]) {
      const { code, stderr, stdout } = await cli(argv, { bus, original });
      expect(stderr).toContain(`agent-event-bus: ${says}`);
      expect([code, stdout]).toEqual([1, ""]);
    }
  });

test("78 for a setting that cannot be used", async () => {
  expect((await cli(["serve", "--port", "99999"])).code).toBe(78);
  const home = tempFolder();
  mkdirSync(join(home, ".claude/contrib/agent-event-bus"), { recursive: true });
  writeFileSync(join(home, ".claude/contrib/agent-event-bus/settings.env"), "odd\n");
  expect((await cli(["sessions"], { env: { HOME: home } })).code).toBe(78);
});

/** Wrong usage of every command and of everything else that is the program; half of it under the original's name. */
const mistaken: [line: string, original: boolean][] = [
  ...allCommands().flatMap(({ name }): [string, boolean][] => [
    [`${name} --no-such-flag`, true],
    [`${name} a b c d`, false],
  ]),
  ...usage.map(([argv]): [string, boolean] => [argv.join(" "), true]),
  ...["wake-state", "wake-state sleepy", "panes add", "panes set --mux"].map((line): [string, boolean] => [
    line,
    true,
  ]),
];

test.each(mistaken)("never 2, which blocks the prompt in a hook: %s", async (line, original) => {
  const { code } = await cli(line.split(" ").filter(Boolean), { bus, original, env: { HOME: tempFolder() } });
  expect([0, 1, 64]).toContain(code);
});

const bridge = [
  "wake-state busy",
  "wake-state idle --session-id s --wake-dir /nowhere",
  "panes set --session-id s --keep-wake-state",
  "panes set --mux tmux --pane %3 --mux-session x",
  "panes clear --keep-pane-entries",
  "--url http://127.0.0.1:1/mcp wake-state busy",
];

test.each(bridge)("%s does nothing, and says so on stderr", async (line) => {
  for (const original of [true, false]) {
    const nobody = { url: "http://127.0.0.1:1/mcp" };
    const { code, stdout, stderr } = await cli(line.split(" "), { bus: nobody, original });
    expect(stderr).toMatch(/^agent-event-bus: nothing to do: [^\n]+\n$/);
    expect([code, stdout]).toEqual([0, ""]);
    const { json } = await cli([...line.split(" "), "--json"], { original });
    expect(json()).toEqual({ skipped: expect.stringContaining("nothing to do") });
  }
});

test("1 for a refusal: its error, then its hint, on stderr", async () => {
  const result = await cli(["events", "--session-id", "gone-1"], { bus });
  const [error, hint, ...more] = result.stderr.split("\n");
  expect(error).toBe("agent-event-bus: Session deleted");
  expect(hint).toMatch(
    /^Run agent-event-bus register with --client-id "gone-1" .* to revive it with its cursor\.$/,
  );
  expect(more).toEqual([""]);
  expect([result.code, result.stdout]).toEqual([1, ""]);
});

test("1 for a refusal in JSON: the object on stdout, the words of the shell on stderr", async () => {
  const { code, json, stderr } = await cli(["events", "--session-id", "gone-1", "--json"], { bus });
  expect(json()).toMatchObject({ error: "Session deleted", session_deleted: true, session_id: "gone-1" });
  expect(stderr).toStartWith("agent-event-bus: Session deleted\nRun agent-event-bus register ");
  expect(code).toBe(1);
});

test("1 when the bus finds an argument wrong, and its sentence names it", async () => {
  const { code, stderr } = await cli(["publish", "--type", "t", "--payload", "p", "--tags", "x".repeat(65)], {
    bus,
  });
  expect(stderr).toContain("tags[0] must be at most 64 bytes");
  expect(code).toBe(1);
});

const beyond: [flag: string, value: string, says: string][] = [
  ["--wait", "301", "--wait must be at most 300 (limit wait_seconds), not 301."],
];

test.each(["events", "webhook deliveries"])(
  "%s --limit beyond the bound means the bound",
  async (command) => {
    const { code, stderr } = await cli([...command.split(" "), "--limit", "9999999999999999"], { bus });
    expect([code, stderr.replace(/^There are more .*\n/, "")]).toEqual([0, ""]);
  },
);

// The bus may be set to take more, so the command does not judge.
for (const [flag, value, says] of beyond)
  test(`1 when the bus has a limit that events ${flag} ${value} passes, which its sentence names`, async () => {
    const { code, stderr, stdout } = await cli(["events", flag, value], { bus });
    expect(stderr).toBe(`agent-event-bus: events: ${says}\n`);
    expect([code, stdout]).toEqual([1, ""]);
  });

test("0 and a warning for a publish by an unregistered session: the event is kept", async () => {
  const { code, stderr, stdout } = await cli([...PUBLISH, "--session-id", "gone-1"], { bus });
  expect(JSON.parse(stdout)).toMatchObject({ event_type: "t", channel: "all", session_deleted: true });
  expect(stderr).toMatch(
    /^Warning: the session [a-z]+-[a-z]+ is unregistered\.\nRun agent-event-bus register /,
  );
  expect(code).toBe(0);
});

test("0 and a warning for a direct message that reaches nobody", async () => {
  const { code, stderr } = await cli([...PUBLISH, "--channel", "session:nobody"], { bus });
  expect(stderr).toMatch(/^Warning: No session has the id, display_id or name "nobody"/);
  expect(code).toBe(0);
});

const unreachable: [why: string, url: string, says: string][] = [
  ["nothing listens", "http://127.0.0.1:1/mcp", "No bus at http://127.0.0.1:1/mcp. Start it with: agent"],
  ["a bare host", "http://localhost:1", "No bus at http://localhost:1/mcp. Start it with: agent-event-bus s"],
  ["another address", "http://0.0.0.0:1/mcp", "No bus at http://0.0.0.0:1/mcp. Check that it runs"],
  ["no URL", "127.0.0.1:8080", '"127.0.0.1:8080" is not a bus URL. Give one like http://127.0.0.1:8080/mcp'],
  [
    "port 0",
    "http://127.0.0.1:0/mcp",
    '"http://127.0.0.1:0/mcp" has the port 0, at which nothing can be reached.',
  ],
  ["another scheme", "ftp://127.0.0.1/", '"ftp://127.0.0.1/" is not a bus URL.'],
];

for (const [why, url, says] of unreachable)
  test(`3 and one line when the bus cannot be asked: ${why}`, async () => {
    for (const options of [{ bus: { url } }, { env: { AGENT_EVENT_BUS_URL: url } }]) {
      const { code, stderr, stdout } = await cli(PUBLISH, options);
      expect(stderr).toStartWith(`agent-event-bus: ${says}`);
      expect([stderr.split("\n").length, stdout, code]).toEqual([2, "", 3]);
    }
  });

test("3 when something else answers there", async () => {
  const pages: Record<string, () => Response> = {
    "/html": () => new Response("<html>hello</html>", { status: 404 }),
    "/json": () => Response.json({ hello: 1 }),
    "/empty": () => new Response(""),
  };
  const server = Bun.serve({
    port: 0,
    fetch: ({ url }) => pages[new URL(url).pathname]?.() ?? new Response(),
  });
  for (const path of Object.keys(pages)) {
    const url = `http://127.0.0.1:${server.port}${path}`;
    const { code, stderr } = await cli(["sessions"], { bus: { url } });
    expect(stderr).toStartWith(`agent-event-bus: The server at ${url} is not an agent-event-bus (HTTP `);
    expect(code).toBe(3);
  }
  await server.stop(true);
});

test("3 when the bus takes longer than --timeout", async () => {
  const server = Bun.serve({ port: 0, fetch: () => Bun.sleep(5_000).then(() => new Response("")) });
  const url = `http://127.0.0.1:${server.port}/mcp`;
  const { code, stderr } = await cli(["events", "--timeout", "100"], { bus: { url } });
  expect(stderr).toBe(`agent-event-bus: The bus at ${url} did not answer within 100 ms.\n`);
  expect(code).toBe(3);
  await server.stop(true);
});

test("--debug adds the details of a failure on stderr", async () => {
  const nobody = { url: "http://127.0.0.1:1/mcp" };
  const { stderr, code } = await cli(["sessions", "--debug"], { bus: nobody });
  expect(stderr).toMatch(/No bus at .*\n[\s\S]*at post .*[\s\S]*cause: /);
  expect(code).toBe(3);
});

test("a proxy in the environment does not come between the program and a bus on this machine", async () => {
  const proxies = ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "HTTPS_PROXY"];
  const env = Object.fromEntries(proxies.map((name) => [name, "http://127.0.0.1:1"]));
  for (const url of [bus.url, bus.url.replace("127.0.0.1", "localhost")])
    expect((await cli(["sessions"], { bus: { url }, env })).stderr).toBe("");
});
