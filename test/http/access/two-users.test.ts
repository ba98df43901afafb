import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { ProcessBus } from "../../support/bus.ts";
import { cli } from "../../support/cli.ts";
import { tempFolder } from "../../support/folder.ts";
import { DATA } from "../../support/home.ts";
import { endUsers, newUser, noUsers, type Squatter, squat, type User } from "../../support/users.ts";

if (noUsers !== null) console.log(`skipped: two users of one machine (${noUsers})`);

afterAll(endUsers);

const SECRET = "aeb_a-secret-of-bo";
const ALICE = 61_001;
const BO = 61_002;

/** Every command that sends something. */
const COMMANDS = [
  ["sessions"],
  ["channels"],
  ["register", "--name", "bo"],
  ["publish", "--type", "t", "--payload", "for my sessions only"],
  ["events"],
  ["events", "--resume", "--session-id", "x"],
  ["ack", "--cursor", "1", "--session-id", "x"],
  ["unregister", "--session-id", "x"],
  ["notify", "--title", "t", "--message", "m"],
  ["webhook", "list"],
  ["webhook", "register", "--url", "http://127.0.0.1:9/"],
];
const HOOKS = ["prompt", "tool", "stop", "session-end"];
const INPUT = JSON.stringify({ session_id: "bo-1", cwd: "/", prompt: "a secret plan" });

/** Says that nothing was sent, to whose program, and what to do. */
const refusal = (port: number, user: string | number = ALICE) =>
  `Port ${port} of this machine belongs to another user (${user}), so nothing was sent to http://127.0.0.1:${port}. To use the bus of ${user}, set AGENT_EVENT_BUS_BUS_USER=${user}. To run your own bus on another port: agent-event-bus install server --port ${port + 1}`;

/** A user whose bus is the one on a port, as 8080 is without any setting. */
function userAt(port: number, uid = BO): User {
  const user = newUser(uid);
  user.write(`${DATA}/settings.env`, `PORT=${port}\n`);
  return user;
}

describe.skipIf(noUsers !== null)("where another user's bus answers", () => {
  let bus: ProcessBus;
  let bo: User;

  beforeAll(async () => {
    bus = await newUser(ALICE).serve();
    bo = userAt(bus.port);
  });

  const eventsOf = async () => (await bus.call("get_events", { order: "asc" })).events;

  test.each(COMMANDS)("the command %s is refused with 3, and the bus gets nothing", async (...args) => {
    expect(await bo.run(args.map(String))).toEqual({
      ...{ code: 3, stdout: "" },
      stderr: `agent-event-bus: ${refusal(bus.port)}\n`,
    });
    const json = await bo.run([...args.map(String), "--json"]);
    expect([json.code, JSON.parse(json.stdout)]).toEqual([3, { error: refusal(bus.port) }]);
    expect([await eventsOf(), (await bus.call("list_sessions")).result]).toEqual([[], []]);
  });

  test.each([
    ["127.0.0.1", "127.0.0.1"],
    ["localhost", "localhost"],
    ["0.0.0.0", "127.0.0.1"],
    ["[::ffff:127.0.0.1]", "[::ffff:7f00:1]"],
    ["any.localhost", "localhost"],
  ])("a URL with the host %s is refused", async (host, shown) => {
    const { code, stderr } = await bo.run(["sessions", "--url", `http://${host}:${bus.port}/mcp`]);
    expect(code).toBe(3);
    expect(stderr).toContain(`nothing was sent to http://${shown}:${bus.port}.`);
  });

  test.each(HOOKS)("hook %s says nothing", async (name) => {
    expect(await bo.run(["hook", name], { stdin: INPUT })).toEqual({ code: 0, stdout: "", stderr: "" });
  });

  test("hook session-start tells the person, not the agent", async () => {
    const { stdout, ...rest } = await bo.run(["hook", "session-start"], { stdin: INPUT });
    expect(rest).toEqual({ code: 0, stderr: "" });
    expect(JSON.parse(stdout)).toEqual({ systemMessage: `agent-event-bus: ${refusal(bus.port)}` });
    for (const format of ["plain", "json"])
      expect(await bo.run(["hook", "session-start", "--format", format], { stdin: INPUT })).toMatchObject({
        ...{ code: 0, stdout: "", stderr: "" },
      });
    expect((await bus.call("list_sessions")).result).toEqual([]);
  });

  test("doctor names it and says what to do, installed or not", async () => {
    const { code, stdout } = await bo.run(["doctor", "--json"]);
    const found = JSON.parse(stdout).checks.find(({ what }: { what: string }) => what === "bus");
    expect([code, found.state]).toEqual([1, "bad"]);
    expect(found.found).toContain(`belongs to another user (${ALICE})`);
    expect(found.repair).toEndWith(`install server --port ${bus.port + 1}`);
    const bare = newUser(BO);
    const env = { AGENT_EVENT_BUS_URL: bus.url };
    expect((await bare.run(["doctor"], { env })).stdout).toContain(`belongs to another user (${ALICE})`);
  });

  test("status and install refuse it by name", async () => {
    const sentence = `belongs to another user (${ALICE})`;
    const status = await bo.run(["status"]);
    expect([status.code, status.stderr]).toEqual([1, expect.stringContaining(sentence)]);
    const client = await bo.run(["install", "client", "--url", bus.url, "--yes"]);
    expect([client.code, client.stderr]).toEqual([1, expect.stringContaining(sentence)]);
    const server = await bo.run(["install", "server", "--yes", "--no-service"]);
    expect([server.code, server.stderr]).toEqual([1, expect.stringContaining(sentence)]);
    expect(existsSync(join(bo.home, ".local"))).toBe(false);
  });

  test("serve names the owner of the port", async () => {
    const { code, stderr } = await bo.run(["serve", "--port", String(bus.port)]);
    expect([code, stderr]).toEqual([
      1,
      `agent-event-bus: The port ${bus.port} on 127.0.0.1 is taken by a program of the user ${ALICE}. Choose another --port.\n`,
    ]);
  });

  test.each([String(ALICE), "any"])("AGENT_EVENT_BUS_BUS_USER=%s allows it", async (allowed) => {
    const env = { AGENT_EVENT_BUS_BUS_USER: allowed };
    const publish = ["publish", "--type", "t", "--payload", `allowed by ${allowed}`];
    expect(await bo.run(publish, { env })).toMatchObject({ code: 0, stderr: "" });
    const set = userAt(bus.port);
    set.write(`${DATA}/settings.env`, `PORT=${bus.port}\nAGENT_EVENT_BUS_BUS_USER=${allowed}\n`);
    expect(await set.run(publish)).toMatchObject({ code: 0, stderr: "" });
    expect((await eventsOf()).slice(-2)).toMatchObject(Array(2).fill({ payload: `allowed by ${allowed}` }));
  });

  test.each(["root", "0", String(BO), "nobody"])(
    "AGENT_EVENT_BUS_BUS_USER=%s does not allow it",
    async (allowed) => {
      const env = { AGENT_EVENT_BUS_BUS_USER: allowed };
      expect((await bo.run(["sessions"], { env })).code).toBe(3);
    },
  );

  test("root is no exception", async () => {
    const root = userAt(bus.port, 0);
    expect((await root.run(["sessions"])).stderr).toContain(refusal(bus.port));
  });
});

describe.skipIf(noUsers !== null)("where another user's program took the port of a bus that is down", () => {
  let bo: User;
  let squatter: Squatter;

  beforeAll(async () => {
    const first = newUser(BO);
    const env = { AGENT_EVENT_BUS_REQUIRE_TOKEN: "1" };
    const bus = await first.serve({ env });
    expect((await first.run(["token", "create", "--name", "bo"])).code).toBe(0);
    // Its socket file stays.
    await bus.kill();
    squatter = await squat(newUser(ALICE), bus.port);
    bo = first;
    bo.write(`${DATA}/settings.env`, `PORT=${bus.port}\n`);
  });

  const urlOf = () => `http://127.0.0.1:${squatter.port}/mcp`;

  const PLACES = {
    "the environment": () => ({ AGENT_EVENT_BUS_TOKEN: SECRET }),
    "the file token": () => {
      bo.write(`${DATA}/token`, SECRET);
      return {};
    },
    "settings.env": () => {
      bo.write(`${DATA}/settings.env`, `PORT=${squatter.port}\nAGENT_EVENT_BUS_TOKEN=${SECRET}\n`);
      return {};
    },
  };

  test.each(Object.entries(PLACES))("no command sends it a byte, with a token in %s", async (_, keep) => {
    const env = keep();
    for (const args of COMMANDS) {
      const { code, stderr } = await bo.run(args, { env });
      expect([code, stderr]).toEqual([3, `agent-event-bus: ${refusal(squatter.port)}\n`]);
    }
    for (const name of HOOKS)
      expect(await bo.run(["hook", name], { env, stdin: INPUT })).toEqual({
        code: 0,
        stdout: "",
        stderr: "",
      });
    for (const args of [["doctor"], ["status"], ["install", "client", "--url", urlOf(), "--yes"]])
      expect((await bo.run(args, { env })).code).toBe(1);
    expect(squatter.bytes()).toBe("");
  });

  test("the session is told at its start, and its waiter stays silent", async () => {
    const started = await bo.run(["hook", "session-start"], { stdin: INPUT });
    expect(JSON.parse(started.stdout).systemMessage).toContain(refusal(squatter.port));
    const waiter = Bun.spawn([...bo.inside, "timeout", "--signal=KILL", "3", ...bo.program, "hook", "wait"], {
      cwd: bo.home,
      env: { HOME: bo.home, PATH: process.env.PATH, CLAUDE_PID: String(process.pid) },
      stdin: new Blob([INPUT]),
      stdout: "pipe",
      stderr: "pipe",
    });
    expect(await new Response(waiter.stdout).text()).toBe("");
    expect(await new Response(waiter.stderr).text()).toBe("");
    expect(squatter.bytes()).toBe("");
  });
});

/** A shell whose processes find no socket of any user in /proc, as behind a forwarded port. */
const BLIND = ["unshare", "--mount", "sh", "-c", 'mount --bind "$0" /proc/$$/net && exec "$@"'];

describe.skipIf(noUsers !== null)("where the system does not tell who listens", () => {
  const run = (args: string[], env: Record<string, string> = {}) => {
    const empty = tempFolder();
    return cli(args, { inside: [...BLIND, empty], env });
  };

  test("a program that answers gets nothing", async () => {
    const squatter = await squat(newUser(0));
    const url = `http://127.0.0.1:${squatter.port}`;
    expect(await run(["sessions", "--url", url])).toMatchObject({
      ...{ code: 3, stdout: "" },
      stderr: `agent-event-bus: Port ${squatter.port} does not seem to belong to one of your programs, so nothing was sent to ${url}. If a container or a forwarded port leads to your bus, set AGENT_EVENT_BUS_BUS_USER=any.\n`,
    });
    expect(squatter.bytes()).toBe("");
    await squatter.stop();
    expect((await run(["sessions", "--url", url])).stderr).toContain(`No bus at ${url}`);
  });

  test("AGENT_EVENT_BUS_BUS_USER=any allows it", async () => {
    const bus = await newUser(0).serve();
    const env = { AGENT_EVENT_BUS_BUS_USER: "any" };
    expect((await run(["sessions", "--url", bus.url], env)).code).toBe(0);
    await bus.stop();
  });
});

describe.skipIf(noUsers !== null)("a bus that is proved otherwise", () => {
  test("of root is used by every user, over TCP", async () => {
    const bus = await newUser(0).serve();
    expect(await userAt(bus.port).run(["sessions"])).toMatchObject({ code: 0, stderr: "" });
    await bus.stop();
  });

  test("of one's own is used over TCP when it has no socket", async () => {
    const bo = newUser(BO);
    const bus = await bo.serve();
    // Another HOME: no socket there.
    const elsewhere = userAt(bus.port);
    expect(await elsewhere.run(["sessions"])).toMatchObject({ code: 0, stderr: "" });
    await bus.stop();
  });

  test("is reached by its socket beside another user's program on [::1], which doctor names", async () => {
    const bo = newUser(BO);
    const bus = await bo.serve();
    const squatter = await squat(newUser(ALICE), bus.port, "::1");
    bo.write(`${DATA}/settings.env`, `PORT=${bus.port}\n`);
    bo.write(
      ".claude.json",
      JSON.stringify({
        mcpServers: { "agent-event-bus": { type: "http", url: `http://localhost:${bus.port}/mcp` } },
      }),
    );
    const { stdout } = await bo.run(["doctor", "--json"]);
    const checks = JSON.parse(stdout).checks as { what: string; state: string; found: string }[];
    expect(checks.find(({ what }) => what === "bus")?.state).toBe("ok");
    expect(checks.find(({ what }) => what === "owner")).toMatchObject({
      state: "bad",
      found: expect.stringContaining(`belongs to another user (${ALICE})`),
    });
    expect(squatter.bytes()).toBe("");
    await squatter.stop();
    await bus.stop();
  });

  test("names a user that has an account", async () => {
    const account = readFileSync("/etc/passwd", "utf8")
      .split("\n")
      .map((line) => line.split(":"))
      .find(([, , uid]) => Number(uid) > 0);
    const [name = "", , uid] = account ?? [];
    const bus = await newUser(Number(uid)).serve();
    const bo = userAt(bus.port);
    expect((await bo.run(["sessions"])).stderr).toContain(refusal(bus.port, name));
    expect((await bo.run(["sessions"], { env: { AGENT_EVENT_BUS_BUS_USER: name } })).code).toBe(0);
    await bus.stop();
  });
});
