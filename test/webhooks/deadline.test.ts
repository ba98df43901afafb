import { afterAll, describe, expect, test } from "bun:test";
import { createServer, type Server, type Socket } from "node:net";
import { attempt } from "../../src/webhooks/post.ts";
import { startHere } from "../support/bus.ts";
import { receiver } from "../support/receiver.ts";
import { deliveriesOf, eventually, hook, targetOf } from "../support/webhook.ts";

const servers: Server[] = [];
const sockets = new Set<Socket>();
afterAll(() => {
  for (const socket of sockets) socket.destroy();
  for (const server of servers) server.close();
});

/** A server that does what it likes with a connection once bytes have come; its port. */
async function wild(onRequest: Act): Promise<number> {
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    socket.on("error", () => {});
    socket.once("data", () => onRequest(socket));
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as { port: number }).port;
}

type Act = (socket: Socket) => void;

const sends = (text: string): Act => {
  return (socket) => void socket.write(text);
};

/** Sends the first text, then the second again and again until the connection ends. */
function drips(first: string, text: string): Act {
  return (socket) => {
    if (first !== "") socket.write(first);
    const timer = setInterval(() => {
      if (socket.writable) socket.write(text);
      else clearInterval(timer);
    }, 20);
  };
}

const OK = "HTTP/1.1 200 OK\r\n";
const CHUNKED = `${OK}transfer-encoding: chunked\r\n\r\n`;
const SWITCH = "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n";

/** What a receiver does when a delivery has arrived. */
const RECEIVERS: [what: string, act: Act, scheme?: "https"][] = [
  ["switches protocols", sends("HTTP/1.1 101 Switching Protocols\r\n\r\n")],
  ["switches to WebSocket and talks on", drips(SWITCH, "\x81\x02hi")],
  ["says that it goes on, without end", drips("", "HTTP/1.1 100 Continue\r\n\r\n")],
  ["processes without end", drips("", "HTTP/1.1 102 Processing\r\n\r\n")],
  ["gives early hints without end", drips("", "HTTP/1.1 103 Early Hints\r\n\r\n")],
  ["says 199 and nothing more", sends("HTTP/1.1 199 Odd\r\n\r\n")],
  ["answers nothing", () => {}],
  ["ends its side and answers nothing", (socket) => void socket.end()],
  ["sends half a head", sends(`${OK}content-ty`)],
  ["drips its head", drips(OK, "x")],
  ["drips its head line by line", drips(OK, "x: y\r\n")],
  ["drips its body", drips(`${OK}content-length: 9999\r\n\r\n`, "x")],
  ["drips chunks", drips(CHUNKED, "1\r\nx\r\n")],
  ["sends a chunk size without end", drips(CHUNKED, "0")],
  ["announces a body and sends none", sends(`${OK}content-length: 10\r\n\r\n`)],
  ["redirects to itself", sends("HTTP/1.1 307 Again\r\nlocation: /\r\ncontent-length: 0\r\n\r\n")],
  ["wants a proxy's password", sends("HTTP/1.1 407 No\r\nconnection: upgrade\r\n\r\n")],
  ["speaks no HTTP", drips("", "\x00\xff\r\n")],
  ["answers a TLS greeting with nothing", () => {}, "https"],
  ["answers a TLS greeting with plain text", drips("", OK), "https"],
  ["announces a TLS record and drips it", drips("\x16\x03\x03\x40\x00", "x"), "https"],
];

const TIMEOUT_MS = 400;
/** Beside a busy machine. */
const LATE_MS = 5_000;

describe("an attempt ends at its deadline when its receiver", () => {
  test.each(RECEIVERS)("%s", async (_, act, tls) => {
    const port = await wild(act);
    const target = targetOf(`${tls ?? "http"}://127.0.0.1:${port}/`, { timeoutMs: TIMEOUT_MS });
    const outcome = await Promise.race([
      attempt(target, { headers: {}, body: "{}" }),
      Bun.sleep(TIMEOUT_MS + LATE_MS).then(() => "still under way"),
    ]);
    expect(outcome).toMatchObject({ ms: expect.any(Number) });
    await eventually(
      "its connection is closed",
      () => ![...sockets].some(({ localPort }) => localPort === port),
    );
  });

  test("reads nothing of a large delivery", async () => {
    const server = createServer((socket) => {
      socket.pause();
      sockets.add(socket);
      socket.on("error", () => {});
    });
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as { port: number };
    const target = targetOf(`http://127.0.0.1:${port}/`, { timeoutMs: TIMEOUT_MS });
    const body = "x".repeat(20_000_000);
    expect(await attempt(target, { headers: {}, body })).toMatchObject({
      status: null,
      error: `no answer within ${TIMEOUT_MS} ms`,
    });
  });
});

test("a switch of protocols is a failed attempt with its status", async () => {
  const port = await wild((socket) => socket.write("HTTP/1.1 101 Switching Protocols\r\n\r\n"));
  const outcome = await attempt(targetOf(`http://127.0.0.1:${port}/`), { headers: {}, body: "{}" });
  expect(outcome).toMatchObject({ status: 101, error: "HTTP 101" });
});

test("twenty webhooks whose receiver switches protocols give every place back", async () => {
  const bus = await startHere({ env: { AGENT_EVENT_BUS_WEBHOOK_TIMEOUT: "500" } });
  const port = await wild(drips(SWITCH, "\x81\x02hi"));
  const ids: number[] = [];
  for (let i = 0; i < 20; i++)
    ids.push(await hook(bus, `http://127.0.0.1:${port}/${i}`, { event_types: ["bad"] }));
  for (let i = 0; i < 4; i++) await bus.call("publish_event", { event_type: "bad", payload: `${i}` });
  for (const id of ids)
    await eventually("each delivery was tried", async () =>
      (await deliveriesOf(bus, id)).every(({ attempts }) => attempts > 0),
    );
  const good = receiver();
  await hook(bus, good.url("/good"), { event_types: ["good"] });
  for (let i = 0; i < 20; i++) await bus.call("publish_event", { event_type: "good", payload: `${i}` });
  await good.until("/good", 20);
  good.stop();
});

test("registering a webhook whose name server never answers ends, and is no refusal", async () => {
  const bus = await startHere({ lookup: () => new Promise(() => {}) });
  expect(await hook(bus, "http://slow.test/")).toBe(1);
});
