import { afterAll, expect, test } from "bun:test";
import type { Socket } from "node:net";
import { connect } from "node:net";
import { type Kind, type ProcessBus, startBus } from "../support/bus.ts";
import { health, openFiles, rssMib } from "../support/process.ts";
import { hold, post, raw } from "../support/raw.ts";
import { eventually } from "../support/webhook.ts";

const HEAD_MS = 15_000;
const BODY_MS = 40_000;
const UNREAD_MS = 70_000;

/** When the other side ends a connection, ms; undefined when it has not after `most`. */
function cutAfter(socket: Socket, most: number): Promise<number | undefined> {
  const began = performance.now();
  return new Promise((resolve) => {
    const late = setTimeout(() => resolve(undefined), most);
    const cut = () => {
      clearTimeout(late);
      resolve(performance.now() - began);
    };
    socket.on("close", cut);
    socket.on("end", cut);
    socket.on("error", cut);
    socket.resume();
  });
}

/** Sends a byte each second until the connection ends. */
function drip(socket: Socket, byte: string): void {
  const timer = setInterval(
    () => (socket.destroyed || !socket.writable ? clearInterval(timer) : socket.write(byte)),
    1_000,
  );
  socket.once("close", () => clearInterval(timer));
  afterAll(() => {
    clearInterval(timer);
    socket.destroy();
  });
}

const CALL = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/call", params: { name: "get_events" } });

/** The connections that a bus must not keep, each with how long it may. */
async function slow({ port }: ProcessBus): Promise<Record<string, [socket: Socket, most: number]>> {
  const long = Buffer.from(post(CALL + " ".repeat(1_000)));
  const half = long.subarray(0, long.byteLength - 1_000);
  const opened: Record<string, [socket: Socket, most: number]> = {
    "no head": [await hold(port, ""), HEAD_MS],
    "half a head": [await hold(port, "POST /mcp HTTP/1.1\r\nhost: 127.0"), HEAD_MS],
    "dripping head": [await hold(port, "POST /mcp HTTP/1.1\r\nhost: 127.0.0.1\r\nx-slow: "), HEAD_MS],
    "stalled body": [await hold(port, half), BODY_MS],
    "dripping body": [await hold(port, half), BODY_MS],
  };
  drip(opened["dripping head"]?.[0] as Socket, "a");
  drip(opened["dripping body"]?.[0] as Socket, " ");
  return opened;
}

async function expectCut(bus: ProcessBus, kind: Kind): Promise<void> {
  const opened = Object.entries(await slow(bus));
  const cuts = await Promise.all(opened.map(([, [socket, most]]) => cutAfter(socket, most + 10_000)));
  const told = opened.map(([what], i) => `${what} ${((cuts[i] ?? Number.NaN) / 1000).toFixed(1)} s`);
  console.log(`cut (${kind}): ${told.join(", ")}`);
  for (const [i, [what, [, most]]] of opened.entries()) {
    expect([what, cuts[i] !== undefined]).toEqual([what, true]);
    expect(cuts[i]).toBeLessThan(most);
  }
}

/** Asks for a large answer and reads nothing of it. */
function reader(bus: ProcessBus, cursor: string): Promise<Socket> {
  const params = { name: "get_events", arguments: { cursor, order: "asc", limit: 1_000 } };
  const body = post(JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/call", params }), {
    connection: null,
  });
  return new Promise((resolve, reject) => {
    const socket = connect({ port: bus.port, host: "127.0.0.1" }, () => {
      socket.pause();
      socket.write(body, () => resolve(socket));
    });
    socket.on("error", reject);
    afterAll(() => socket.destroy());
  });
}

const UNREAD = 20;

/** Answers that nobody takes hold nobody else up, and do not stay. */
async function expectUnread(bus: ProcessBus, kind: Kind): Promise<void> {
  const { pid } = bus.process;
  for (let i = 0; i < 20; i++)
    await bus.call("publish_event", { event_type: "t", payload: "x".repeat(100_000) });
  const files = openFiles(pid);
  const memory = rssMib(pid);
  const began = performance.now();
  await Promise.all(Array.from({ length: UNREAD }, () => reader(bus, "0")));
  await Bun.sleep(2_000);
  const most = rssMib(pid);
  const times: number[] = [];
  for (let i = 0; i < 20; i++) times.push((await health(bus)).ms);
  expect((await bus.call("get_events", { limit: 1 })).events).toHaveLength(1);
  expect(await bus.call("publish_event", { event_type: "t", payload: "p" })).toMatchObject({ event_id: 21 });
  const held = openFiles(pid) - files;
  expect(held).toBeGreaterThan(UNREAD / 2);
  await eventually("the connections are cut", () => openFiles(pid) - files <= UNREAD / 4, UNREAD_MS);
  console.log(
    `${UNREAD} answers of 4 MB not read (${kind}): ${held} connections held, cut after ${((performance.now() - began) / 1000).toFixed(0)} s; /health at most ${Math.max(...times).toFixed(0)} ms; memory ${memory.toFixed(0)} → ${most.toFixed(0)} → ${rssMib(pid).toFixed(0)} MiB`,
  );
}

const PATIENT_S = 40;

/** A call that waits longer than any connection may be idle, by a client that takes no event stream. */
async function expectPatience(bus: ProcessBus, kind: Kind): Promise<void> {
  const began = performance.now();
  const params = { name: "get_events", arguments: { channel: "nothing", wait_seconds: PATIENT_S } };
  const body = post(JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/call", params }), {
    accept: "application/json",
  });
  const answer = await raw(bus.port, body, 60_000);
  const seconds = (performance.now() - began) / 1000;
  console.log(
    `a silent call of ${PATIENT_S} s (${kind}): HTTP ${answer.status} after ${seconds.toFixed(1)} s`,
  );
  expect(answer.status).toBe(200);
  expect(JSON.parse(answer.body).result.structuredContent.events).toEqual([]);
}

test("slow heads, slow bodies and unread answers are cut and hold nobody up; a call that waits in silence is not", async () => {
  const kinds: Kind[] = ["binary", "node"];
  const buses = await Promise.all(kinds.map((kind) => startBus(kind)));
  const each = (expectations: ((bus: ProcessBus, kind: Kind) => Promise<void>)[]) =>
    Promise.allSettled(
      buses.flatMap((bus, i) => expectations.map((expectation) => expectation(bus, kinds[i] as Kind))),
    );
  // Twenty large answers at once keep the bus busy for seconds, and its timers late.
  const results = [...(await each([expectCut, expectPatience])), ...(await each([expectUnread]))];
  const failed = results.flatMap((result) => (result.status === "rejected" ? [result.reason] : []));
  for (const bus of buses) expect(await bus.stop()).toBe(0);
  if (failed.length > 0) throw new AggregateError(failed, failed.map(String).join("\n"));
}, 150_000);
