import { describe, expect, test } from "bun:test";
import { operations } from "../../../src/operations/index.ts";
import type { Operation } from "../../../src/operations/operation.ts";
import { stored } from "../../support/agent.ts";
import { startHere } from "../../support/bus.ts";
import { bearer, tokenFor } from "../../support/callers.ts";
import { held } from "../../support/held.ts";
import { hold, post, type RawAnswer, raw } from "../../support/raw.ts";
import { rpc, rpcTool } from "../../support/rpc.ts";
import { lockElsewhere } from "../../support/serve.ts";
import { call } from "../../support/strangers.ts";
import { eventually } from "../../support/webhook.ts";

const limit = (name: string, value: number) => ({ [`AGENT_EVENT_BUS_LIMIT_${name}`]: String(value) });

describe("body_bytes", async () => {
  const bus = await startHere({ env: { ...limit("BODY_BYTES", 2_000), ...limit("PAYLOAD_BYTES", 1_900) } });

  /** A publish of exactly that many bytes, with the given payload in front. */
  function bodyOf(size: number, payload: string): string {
    const text = (fill: string) => call("publish_event", { event_type: "t", payload: payload + fill });
    return text("x".repeat(size - Buffer.byteLength(text(""))));
  }

  const FRAMINGS: [how: string, send: (body: string) => Promise<RawAnswer>][] = [
    ["with Content-Length", (body) => raw(bus.port, post(body))],
    ["in one chunk", (body) => raw(bus.port, chunked([body]))],
    [
      "in many chunks",
      (body) => raw(bus.port, chunked(Array.from({ length: 50 }, (_, i) => cut(Buffer.from(body), i, 50)))),
    ],
  ];

  function cut(bytes: Uint8Array, index: number, count: number): Uint8Array {
    const size = Math.ceil(bytes.length / count);
    return bytes.subarray(index * size, (index + 1) * size);
  }

  function* chunked(pieces: readonly (string | Uint8Array)[]): Generator<string | Uint8Array> {
    yield post("", { "content-length": null, "transfer-encoding": "chunked" });
    for (const piece of pieces.filter(({ length }) => length > 0)) {
      yield `${Buffer.byteLength(piece).toString(16)}\r\n`;
      yield piece;
      yield "\r\n";
    }
    yield "0\r\n\r\n";
  }

  test.each(FRAMINGS)("is taken to the last byte, and one more gets 413 by name: %s", async (_, send) => {
    for (const payload of ["", "漢字".repeat(100)]) {
      expect((await send(bodyOf(2_000, payload))).status).toBe(200);
      const before = stored(bus);
      const over = await send(bodyOf(2_001, payload));
      expect([over.status, JSON.parse(over.body).error]).toEqual([
        413,
        { code: -32600, message: "Invalid request: the body is larger than 2000 bytes (limit body_bytes)" },
      ]);
      expect(stored(bus)).toEqual(before);
    }
  });

  test.each(FRAMINGS)("holds far beyond it, without reading on for ever: %s", async (_, send) => {
    const before = stored(bus);
    for (const size of [7_999, 8_001, 3_000_000]) {
      const { status } = await send(bodyOf(size, "")).catch(() => ({ status: 0 }));
      expect([413, 0]).toContain(status);
    }
    expect(stored(bus)).toEqual(before);
    expect((await fetch(`http://127.0.0.1:${bus.port}/health`)).status).toBe(200);
  });
});

/** A call whose client goes away when the signal says so. */
async function leave(url: string, name: string, args: object, signal: AbortSignal): Promise<void> {
  const body = call(name, args);
  const headers = { "content-type": "application/json", accept: "application/json" };
  const end = await fetch(url, { method: "POST", headers, body, signal }).then(
    ({ status }) => `answered with ${status}`,
    () => "left",
  );
  expect(end).toBe("left");
}

describe("webhooks", () => {
  test("as many as it allows, also when many are registered at once, and one again after one left", async () => {
    const bus = await startHere({ env: limit("WEBHOOKS", 3) });
    const answers = await Promise.all(
      Array.from({ length: 9 }, (_, i) =>
        rpcTool(bus.url, "register_webhook", { url: `http://127.0.0.1:9/${i}` }),
      ),
    );
    const refused = answers.filter(({ message }) => message.result.isError);
    expect([refused.length, stored(bus).webhooks]).toEqual([6, 3]);
    for (const { message } of refused)
      expect(message.result.content[0].text).toBe(
        "register_webhook: There are already 3 webhooks (limit webhooks). Remove one first with unregister_webhook.",
      );
    await bus.call("set_webhook_active", { webhook_id: 1, active: false });
    const more = { url: "http://127.0.0.1:9/more" };
    expect((await rpcTool(bus.url, "register_webhook", more)).message.result.isError).toBe(true);
    await bus.call("unregister_webhook", { webhook_id: 1 });
    expect((await bus.call("register_webhook", more)).webhook_id).toBe(4);
  });
});

const WAIT = { channel: "of-nobody", wait_seconds: 300 };

describe("waiters", () => {
  test("as many wait as it allows; the next is told so at once, and whoever leaves makes room", async () => {
    let entered = 0;
    const counting = operations.map((one): Operation => {
      if (one.name !== "get_events") return one;
      const run: Operation["run"] = (...call) => {
        entered++;
        return one.run(...call);
      };
      return { ...one, run };
    });
    const bus = await startHere({ env: limit("WAITERS", 2), operations: counting });
    const gone = new AbortController();
    const leaving = [1, 2].map(() => leave(bus.url, "get_events", WAIT, gone.signal));
    await eventually("both wait", () => entered === 2, 30_000);
    const asked = async () =>
      (await rpcTool(bus.url, "get_events", { ...WAIT, wait_seconds: 1 })).message.result;
    const full = "2 calls are already waiting (limit waiters). Call again without wait_seconds.";
    for (let i = 0; i < 3; i++)
      expect(await asked()).toMatchObject({ isError: true, content: [{ text: `get_events: ${full}` }] });
    expect((await bus.call("get_events", { channel: "of-nobody" })).events).toEqual([]);
    gone.abort();
    await Promise.all(leaving);
    await eventually("room again", async () => (await asked()).isError === undefined, 30_000);
  });

  test("a call that finds what it asked for gives its place back", async () => {
    const bus = await startHere({ env: limit("WAITERS", 1) });
    await bus.call("publish_event", { event_type: "t", payload: "here" });
    for (let i = 0; i < 5; i++)
      expect((await bus.call("get_events", { wait_seconds: 300 })).events).toHaveLength(1);
  });
});

describe("calls", () => {
  test("as many are under way as it allows; the next gets 503 with its id, whatever it asks", async () => {
    const holding = held();
    const bus = await startHere({ env: limit("CALLS", 3), operations: [...operations, holding.operation] });
    const token = bearer(tokenFor(bus.db, "laptop"));
    const open = [{}, token, {}].map((headers, i) =>
      rpcTool(bus.url, "hold", { name: String(i) }, headers, "same-id"),
    );
    await holding.until(3);
    for (const [id, method, params] of [
      [7, "tools/call", { name: "publish_event", arguments: { event_type: "t", payload: "p" } }],
      ["seven", "ping", undefined],
      [0, "tools/list", undefined],
      [8, "resources/read", { uri: "agent-event-bus://guide" }],
    ] as const)
      for (const headers of [{}, token]) {
        const answer = await rpc(bus.url, { jsonrpc: "2.0", id, method, ...(params && { params }) }, headers);
        expect([answer.status, answer.headers.get("retry-after")]).toEqual([503, "1"]);
        const message =
          "3 calls are already under way (limit calls). Nothing was done. Try again in a second.";
        expect(answer.message).toEqual({ jsonrpc: "2.0", id, error: { code: -32000, message } });
      }
    expect(stored(bus).events).toBe(0);
    expect((await fetch(`http://127.0.0.1:${bus.port}/health`)).status).toBe(200);
    const notification = { jsonrpc: "2.0", method: "notifications/initialized" };
    expect((await rpc(bus.url, notification)).status).toBe(202);
    holding.release();
    const names = (await Promise.all(open)).map(({ message }) => message.result.structuredContent.name);
    expect(names).toEqual(["0", "1", "2"]);
    expect((await bus.call("publish_event", { event_type: "t", payload: "p" })).event_id).toBe(1);
  });

  test("a call that was cancelled, or whose client left, makes room", async () => {
    const holding = held();
    const bus = await startHere({ env: limit("CALLS", 1), operations: [...operations, holding.operation] });
    const session = { "mcp-session-id": "s" };
    const cancelled = rpcTool(bus.url, "hold", { name: "cancelled" }, session, 5);
    await holding.until(1);
    expect((await rpcTool(bus.url, "list_sessions")).status).toBe(503);
    await rpc(
      bus.url,
      { jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: 5 } },
      session,
    );
    await cancelled;
    expect((await rpcTool(bus.url, "list_sessions")).status).toBe(200);
    const gone = new AbortController();
    const leaving = leave(bus.url, "hold", { name: "left" }, gone.signal);
    await holding.until(1);
    expect((await rpcTool(bus.url, "list_sessions")).status).toBe(503);
    gone.abort();
    await leaving;
    const free = async () => (await rpcTool(bus.url, "list_sessions")).status === 200;
    await eventually("room again", free, 30_000);
    expect(holding.cancelled).toEqual(["cancelled", "left"]);
  });

  test("publishers that wait for a database that another process holds count, and are told how it ended", async () => {
    const bus = await startHere({ env: limit("CALLS", 4) });
    const lock = await lockElsewhere(bus.db);
    let refused = 0;
    const answers = Array.from({ length: 12 }, async (_, i) => {
      const answer = await rpcTool(bus.url, "publish_event", { event_type: "t", payload: `${i}` }, {}, i);
      if (answer.status === 503) refused++;
      return answer;
    });
    await eventually("eight are refused", () => refused === 8, 30_000);
    expect(stored(bus).events).toBe(0);
    await lock.release();
    const all = await Promise.all(answers);
    expect(all.map(({ message }) => message.id)).toEqual(Array.from({ length: 12 }, (_, i) => i));
    const taken = all.filter(({ status, message }) => status === 200 && !message.result.isError);
    expect(stored(bus).events).toBe(taken.length);
    expect(all.filter(({ status }) => status === 200)).toHaveLength(4);
  });
});

describe("sessions", async () => {
  const bus = await startHere({ env: limit("SESSIONS", 3) });
  const joins = (client_id: string) => rpcTool(bus.url, "register_session", { name: "n", client_id });

  test("so many may be here, one more is refused by name, and a known one may come back", async () => {
    for (const id of ["a", "b", "c"]) expect((await joins(id)).message.result.isError).toBeUndefined();
    const before = stored(bus);
    const refused = (await joins("d")).message.result;
    expect(refused).toMatchObject({ isError: true });
    expect(refused.content[0].text).toContain(
      "There are already 3 live sessions (limit sessions). Unregister",
    );
    expect(stored(bus)).toEqual(before);
    expect((await joins("a")).message.result.structuredContent).toMatchObject({ resumed: true });
    await bus.call("unregister_session", { client_id: "b" });
    expect((await joins("d")).message.result.structuredContent).toMatchObject({ active_sessions: 3 });
    expect((await joins("b")).message.result.structuredContent).toMatchObject({ resumed: true });
  });
});

test("bodies that are still being sent count too: one more call gets 503", async () => {
  const bus = await startHere({ env: limit("CALLS", 5) });
  const whole = Buffer.from(post('{"jsonrpc":"2.0","id":1,"method":"ping"}', { connection: "keep-alive" }));
  const sockets = await Promise.all(
    Array.from({ length: 5 }, () => hold(bus.port, whole.subarray(0, whole.length - 5))),
  );
  await eventually("the sixth is refused", async () => (await raw(bus.port, post("{}"))).status === 503);
  for (const socket of sockets) socket.destroy();
  await eventually("there is room again", async () => (await raw(bus.port, whole)).status === 200);
});
