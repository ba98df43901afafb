import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createServer, type Server, type Socket } from "node:net";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import { startBus, type TestBus } from "../support/bus.ts";
import { canMount, smallDisk } from "../support/disk.ts";
import { removeFolders, tempFolder } from "../support/folder.ts";
import { startGate } from "../support/gate.ts";
import {
  AS_INSTALLED,
  type Client,
  eventsIn,
  type HookOptions,
  newClient,
  startClient,
} from "../support/hooks.ts";
import { layWire, noNamespaces, removeWires, type Wire } from "../support/netns.ts";

const NAMES = ["session-start", "prompt", "tool", "stop", "session-end"] as const;
/** What a hook may take, without the start of its process. */
const LOCAL_MS = 300;
const REMOTE_MS = 1_000;
/** For starting a process on a machine that does other things too. */
const SLACK_MS = 5_000;

/** Runs every hook, expects silence, and says how long the slowest took. */
async function expectSilence(what: string, client: Client, more: HookOptions = {}): Promise<number> {
  const took: number[] = [];
  const options = { ...more, env: { ...AS_INSTALLED, ...more.env } };
  for (const name of NAMES) {
    const { ms, ...ran } = await client.run(name, options);
    expect({ name, ...ran }).toEqual({ name, stdout: "", stderr: "", code: 0 });
    took.push(ms);
  }
  const most = Math.max(...took);
  console.log(`${what}: at most ${most.toFixed(0)} ms`);
  return most;
}

const servers: Server[] = [];
afterAll(() => {
  for (const server of servers) server.close();
});

/** A server that is no bus; returns its URL. */
async function serve(answer: (socket: Socket) => void, host = "127.0.0.1"): Promise<string> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {}).on("close", () => sockets.delete(socket));
    answer(socket);
  });
  servers.push(server);
  afterAll(() => {
    for (const socket of sockets) socket.destroy();
  });
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  const address = server.address();
  return `http://${host}:${typeof address === "object" ? address?.port : 0}/mcp`;
}

function http(status: string, body: string, type = "application/json"): (socket: Socket) => void {
  const length = Buffer.byteLength(body);
  const head = `HTTP/1.1 ${status}\r\ncontent-type: ${type}\r\ncontent-length: ${length}\r\nconnection: close\r\n\r\n`;
  return (socket) => void socket.once("data", () => socket.end(head + body));
}

const result = (content: unknown) =>
  http("200 OK", JSON.stringify({ jsonrpc: "2.0", id: 1, result: content }));

const ANSWERS: Readonly<Record<string, (socket: Socket) => void>> = {
  "closes at once": (socket) => socket.destroy(),
  "is not HTTP": (socket) => void socket.write("SSH-2.0-OpenSSH_9.6\r\n"),
  "never answers": () => {},
  "answers after 5 s": (socket) => {
    socket.once("data", () => setTimeout(() => result({})(socket), 5_000).unref());
  },
  "stops in the middle of its answer": (socket) =>
    void socket.once("data", () => socket.write("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{")),
  "answers without end": (socket) => {
    socket.write("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n[");
    const more = setInterval(() => socket.write("1,".repeat(50_000)), 5).unref();
    socket.on("close", () => clearInterval(more));
  },
  "answers 401": http("401 Unauthorized", '{"error":"who are you"}'),
  "answers 403": http("403 Forbidden", "no"),
  "answers 404": http("404 Not Found", "<html>"),
  "answers 500": http("500 Internal Server Error", '{"jsonrpc":"2.0","id":1,"error":{"code":1}}'),
  "answers 503": http("503 Service Unavailable", ""),
  "answers HTML": http("200 OK", "<html><body>hello", "text/html"),
  "answers garbage": http("200 OK", "\x00\x1b]0;x\x07{{{"),
  "answers null": http("200 OK", "null"),
  "answers with an error of a tool": result({ isError: true, content: [] }),
  "answers with nothing": result({ structuredContent: {} }),
  "answers with what it should not": result({ structuredContent: { events: 7, session_id: null, name: [] } }),
  "redirects to itself": http("302 Found\r\nlocation: /mcp", ""),
};

describe("a bus that", () => {
  for (const [what, answer] of Object.entries(ANSWERS))
    test(`${what} is not noticed`, async () => {
      const ms = await expectSilence(what, newClient({ url: await serve(answer) }));
      expect(ms).toBeLessThan(LOCAL_MS + SLACK_MS);
    });
});

describe("a URL", () => {
  test.each([
    "http://127.0.0.1:1/mcp",
    "http://127.0.0.1:0/",
    "nonsense",
    "ftp://127.0.0.1/",
    "http://",
    "file:///etc/passwd",
    "http://no.such.host.invalid/mcp",
  ])("%s is not noticed", async (url) => {
    expect(await expectSilence(url, newClient({ url }))).toBeLessThan(REMOTE_MS + SLACK_MS);
  });

  test("of a bus with nothing but a host and a port reaches it", async () => {
    const bus = await startBus("binary");
    expect(await newClient({ url: `http://127.0.0.1:${bus.port}` }).read("session-start")).toContain(
      "You are",
    );
  });
});

test("a bus that wants a token, which the hook has not, is not noticed", async () => {
  const bus = await startBus("binary", { env: { AGENT_EVENT_BUS_REQUIRE_TOKEN: "1" } });
  const client = newClient(bus);
  await expectSilence("no token", client);
  await expectSilence("a wrong token", client, { env: { AGENT_EVENT_BUS_TOKEN: "aeb_wrong" } });
});

test("a token file that others can read is not noticed", async () => {
  const home = tempFolder();
  const file = join(home, ".claude/contrib/agent-event-bus/token");
  await Bun.write(file, "aeb_x");
  const url = await serve(http("401 Unauthorized", "{}"));
  await expectSilence("a token that others can read", newClient({ url }), { env: { HOME: home } });
});

test("a bus that is killed comes back, and nothing was lost meanwhile", async () => {
  const bus = await startBus("binary");
  const client = await startClient(bus);
  const event = { event_type: "note", payload: "x", channel: `session:${client.id}` };
  const { event_id } = await bus.call("publish_event", event);
  await bus.kill();
  await expectSilence("a killed bus", client);
  await startBus("binary", { folder: bus.folder, port: bus.port });
  expect(eventsIn(await client.read("prompt"))).toEqual([{ id: event_id, repeat: false }]);
});

test("a bus that is slow with everything but its first answer is not noticed, and nothing is lost", async () => {
  const bus = await startBus("binary");
  const client = await startClient(bus);
  const event = { event_type: "note", payload: "x", channel: `session:${client.id}` };
  const { event_id } = await bus.call("publish_event", event);
  const gate = startGate(bus, { tool: "collect_events", when: "after" });
  // Time enough to ask.
  const env = { AGENT_EVENT_BUS_HOOK_TIMEOUT: "3000" };
  expect(await client.run("prompt", { url: gate.url, env })).toMatchObject({
    ...{ code: 0, stdout: "", stderr: "" },
  });
  expect(eventsIn(await client.read("prompt"))).toEqual([{ id: event_id, repeat: true }]);
});

if (!canMount) console.log("skipped: hooks of a bus with a full disk, file systems cannot be mounted");
test.skipIf(!canMount)(
  "a bus with a full disk is not noticed; what it has comes when there is room",
  async () => {
    const disk = await smallDisk(3_000_000);
    const bus = await startBus("binary", { folder: disk.folder, inside: disk.inside });
    const client = await startClient(bus);
    const message = { event_type: "note", payload: "x", channel: `session:${client.id}` };
    const { event_id } = await bus.call("publish_event", message);
    disk.run(`dd if=/dev/zero of=${join(disk.folder, "filler")} bs=4096 2>/dev/null; true`);
    await fill(bus);
    await expectSilence("a full disk", client);
    disk.remove("filler");
    const deadline = performance.now() + 30_000;
    let text = "";
    while (text === "" && performance.now() < deadline) text = await client.read("prompt");
    expect(eventsIn(text).map(({ id }) => id)).toContain(event_id);
  },
);

/** Publishes until the bus takes no more. */
async function fill(bus: TestBus): Promise<void> {
  for (let i = 0; i < 2_000; i++) {
    const answer = await bus
      .call("publish_event", { event_type: "ci_watching", payload: "x".repeat(4_000) })
      .catch(() => undefined);
    if (answer?.event_id === undefined) return;
  }
  throw new Error("the disk is not full");
}

const address = Object.values(networkInterfaces())
  .flat()
  .find((one) => one?.family === "IPv4" && !one.internal)?.address;
if (address === undefined) console.log("skipped: a slow bus at an address of the network, there is none");
test.skipIf(address === undefined)("a slow bus elsewhere costs a hook a second", async () => {
  const url = await serve(ANSWERS["answers after 5 s"] as (socket: Socket) => void, address);
  const ms = await expectSilence("a slow bus at an address of the network", newClient({ url }));
  expect(ms).toBeGreaterThan(REMOTE_MS - 100);
  expect(ms).toBeLessThan(REMOTE_MS + SLACK_MS);
});

if (noNamespaces !== null) console.log(`skipped: hooks on another machine, ${noNamespaces}`);
describe.skipIf(noNamespaces !== null)("on another machine", () => {
  let wire: Wire;
  beforeAll(async () => {
    wire = await layWire([["10.86.0.1/24", "10.86.0.2/24"]]);
  });
  afterAll(() => {
    removeWires();
    removeFolders();
  });

  test("a bus whose cable is pulled is not noticed", async () => {
    wire.pull();
    const ms = await expectSilence("a pulled cable", newClient({ url: "http://10.86.0.1:8080/mcp" }), {
      inside: wire.client.inside,
    });
    wire.plug();
    expect(ms).toBeLessThan(REMOTE_MS + SLACK_MS);
  });

  test("a machine that swallows every packet is not noticed", async () => {
    const ms = await expectSilence("swallowed packets", newClient({ url: "http://10.86.0.77:8080/mcp" }), {
      inside: wire.client.inside,
    });
    expect(ms).toBeLessThan(REMOTE_MS + SLACK_MS);
  });
});
