import { afterAll, describe, expect, test } from "bun:test";
import { existsSync, lstatSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { type Kind, type ProcessBus, startBus } from "../support/bus.ts";
import { type CliResult, cli } from "../support/cli.ts";
import { tempFolder } from "../support/folder.ts";
import { DATA } from "../support/home.ts";
import { startClient } from "../support/hooks.ts";
import { endUsers, newUser, noUsers } from "../support/users.ts";
import { eventually } from "../support/webhook.ts";

afterAll(endUsers);

const KINDS: Kind[] = ["binary", "node"];
/** A network without any interface: only the socket leads out of it. */
const NO_NETWORK = ["unshare", "--net"];
const noNetwork = Bun.spawnSync([...NO_NETWORK, "true"]).exitCode === 0 ? null : "no unshare --net";
if (noNetwork !== null) console.log(`skipped: commands without a network (${noNetwork})`);

const pathOf = ({ folder, port }: ProcessBus) => join(folder, DATA, `${port}.sock`);

/** A command of the user whose HOME the bus has. */
const run = (bus: ProcessBus, args: string[], more: object = {}): Promise<CliResult> =>
  cli(args, { bus, env: { HOME: bus.folder }, ...more });

const bySocket = (path: string, headers: Record<string, string> = {}): Promise<Response> =>
  fetch("http://127.0.0.1/mcp", {
    method: "POST",
    headers: { "content-type": "application/json", accept: "application/json", ...headers },
    body: JSON.stringify({
      ...{ jsonrpc: "2.0", id: 1, method: "tools/call" },
      params: { name: "publish_event", arguments: { event_type: "t", payload: "by socket" } },
    }),
    unix: path,
  } as RequestInit);

/** A HOME whose socket has a path of more than the 108 bytes that the kernel takes. */
function longFolder(): string {
  const folder = join(tempFolder(), "long".repeat(25));
  mkdirSync(folder);
  return folder;
}

/** A process that was killed leaves its socket file behind. */
async function killed(): Promise<ProcessBus> {
  const bus = await startBus("binary");
  await bus.kill();
  expect(lstatSync(pathOf(bus)).isSocket()).toBe(true);
  return bus;
}

describe.each(KINDS)("the socket of a bus (%s)", (kind) => {
  test("is its owner's alone, and goes when the bus stops", async () => {
    const bus = await startBus(kind);
    const path = pathOf(bus);
    expect([statSync(path).mode & 0o777, statSync(join(path, "..")).mode & 0o777]).toEqual([0o700, 0o700]);
    expect(await bus.stop()).toBe(0);
    expect(existsSync(path)).toBe(false);
  });

  test("takes calls as a local program's", async () => {
    const bus = await startBus(kind);
    expect((await bySocket(pathOf(bus))).status).toBe(200);
    expect((await bus.call("get_events")).events).toMatchObject([{ payload: "by socket", origin: "local" }]);
    await bus.stop();
  });

  test.each([
    ["a name of another host", { host: "evil.example" }, 421],
    ["a page of another origin", { origin: "http://evil.example" }, 403],
    ["a header of a proxy", { "x-forwarded-for": "1.2.3.4" }, 401],
    ["a wrong token", { authorization: "Bearer aeb_wrong" }, 401],
  ])("refuses %s as TCP does", async (_, headers, status) => {
    const bus = await startBus(kind);
    expect((await bySocket(pathOf(bus), headers as Record<string, string>)).status).toBe(status);
    await bus.stop();
  });

  test("wants a token where only tokens count", async () => {
    const bus = await startBus(kind, { env: { AGENT_EVENT_BUS_REQUIRE_TOKEN: "1" } });
    expect((await bySocket(pathOf(bus))).status).toBe(401);
    await bus.stop();
  });

  test("replaces one that a killed bus left", async () => {
    const { port, folder } = await killed();
    const bus = await startBus(kind, { port, folder });
    expect((await bySocket(pathOf(bus))).status).toBe(200);
    await bus.stop();
  });

  test("lets a call that waits end when the bus stops", async () => {
    const bus = await startBus(kind);
    const waiting = run(bus, ["events", "--wait", "60", "--json"]);
    while (!(await isWaiting(bus))) await Bun.sleep(20);
    expect(await bus.stop()).toBe(0);
    expect((await waiting).json().events).toEqual([]);
  });
});

/** A connection to the socket is open beside the listening one. */
async function isWaiting(bus: ProcessBus): Promise<boolean> {
  const rows = readFileSync("/proc/net/unix", "utf8").split("\n");
  return rows.filter((row) => row.endsWith(pathOf(bus))).length > 1;
}

describe.skipIf(noNetwork !== null)("commands and hooks of the bus's own user", () => {
  test("need no network", async () => {
    const bus = await startBus("binary");
    const env = { HOME: bus.folder };
    expect(
      await run(bus, ["publish", "--type", "t", "--payload", "x"], { inside: NO_NETWORK }),
    ).toMatchObject({ code: 0, stderr: "" });
    const client = await startClient(bus, {});
    await bus.call("publish_event", { event_type: "t", payload: "for you", channel: `session:${client.id}` });
    expect(await client.read("prompt", { inside: NO_NETWORK, env })).toContain("for you");
    await bus.stop();
  });

  test.skipIf(process.platform !== "linux")("need no short path", async () => {
    const bus = await startBus("binary", { folder: longFolder() });
    expect(await run(bus, ["sessions"], { inside: NO_NETWORK })).toMatchObject({ code: 0, stderr: "" });
    await bus.stop();
  });

  test("reach each of two buses by its port", async () => {
    const folder = tempFolder();
    const first = await startBus("binary", { folder });
    const second = await startBus("binary", { folder, args: ["--db", join(folder, "second.db")] });
    for (const bus of [first, second])
      await run(bus, ["publish", "--type", "t", "--payload", `to ${bus.port}`], { inside: NO_NETWORK });
    for (const bus of [first, second])
      expect((await bus.call("get_events")).events).toMatchObject([{ payload: `to ${bus.port}` }]);
    await Promise.all([first.stop(), second.stop()]);
  });
});

describe("a bus without a socket serves TCP and says why", () => {
  const publish = ["publish", "--type", "t", "--payload", "x"];
  const logOf = ({ folder }: ProcessBus) => {
    const file = join(folder, "bus.log");
    return existsSync(file) ? readFileSync(file, "utf8") : "";
  };

  async function expectTcp(bus: ProcessBus, reason: RegExp): Promise<void> {
    expect(await run(bus, publish)).toMatchObject({ code: 0, stderr: "" });
    expect(await bus.stop()).toBe(0);
    // A bus that stops has written its log.
    expect(logOf(bus)).toMatch(reason);
  }

  test("where its path is too long for Node", async () => {
    await expectTcp(
      await startBus("node", { folder: longFolder() }),
      /no socket at .*listen E(INVAL|NAMETOOLONG)/,
    );
  });

  test("where a file has its name, which stays as it is", async () => {
    const { port, folder } = await killed();
    const path = join(folder, DATA, `${port}.sock`);
    await Bun.$`rm ${path}`;
    writeFileSync(path, "a person's file");
    await expectTcp(await startBus("binary", { port, folder }), /no socket at .*not a socket/);
    expect(readFileSync(path, "utf8")).toBe("a person's file");
  });

  test("where another program answers at its name", async () => {
    const { port, folder } = await killed();
    const path = join(folder, DATA, `${port}.sock`);
    await Bun.$`rm ${path}`;
    const other = createServer((socket) => socket.destroy()).listen(path);
    await new Promise((resolve) => other.once("listening", resolve));
    const bus = await startBus("binary", { port, folder });
    await bus.call("list_sessions");
    await eventually("the log says so", () => /no socket at .*another bus answers there/.test(logOf(bus)));
    expect(await bus.stop()).toBe(0);
    expect(lstatSync(path).isSocket()).toBe(true);
    other.close();
  });

  test.skipIf(noUsers !== null)("where its folder takes no files", async () => {
    const user = newUser(61_003);
    mkdirSync(join(user.home, ".claude"), { mode: 0o555 });
    const bus = await startBus("binary", { folder: user.home, inside: user.inside, program: user.program });
    expect(await user.run([...publish, "--url", bus.url])).toMatchObject({ code: 0, stderr: "" });
    expect(logOf(bus)).toMatch(/no socket at .*EACCES/);
    expect(await bus.stop()).toBe(0);
  });
});
