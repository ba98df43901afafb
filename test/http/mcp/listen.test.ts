import { describe, expect, test } from "bun:test";
import { ListenStream } from "../../../src/http/mcp/listen_stream.ts";
import { fresh } from "../../support/agent.ts";
import { startBus, startHere, type TestBus } from "../../support/bus.ts";
import { bearer, tokenFor } from "../../support/callers.ts";
import { endToken } from "../../support/engine.ts";
import { inboxOf, type Listening, listen, listenRequest } from "../../support/listening.ts";
import { askModern, metaKey, modernRequest, sendModern } from "../../support/modern.ts";
import { openStream } from "../../support/stream.ts";
import { eventually } from "../../support/webhook.ts";

const SUBSCRIPTION = metaKey("subscriptionId");

async function session(bus: TestBus): Promise<string> {
  return (await bus.call("register_session", { name: fresh("agent") })).session_id;
}

const send = (bus: TestBus, to: string, payload = "hello") =>
  bus.call("publish_event", { event_type: "note", payload, channel: `session:${to}` });

const updates = (stream: Listening) =>
  stream.messages().filter(({ method }) => method === "notifications/resources/updated");

/** A stream that was acknowledged. */
async function listening(bus: TestBus, uris: string[], id: string | number = "listen") {
  const stream = await listen(bus.url, listenRequest(uris, id));
  await stream.until(() => stream.messages().length > 0);
  return stream;
}

describe("subscriptions/listen", () => {
  test("first acknowledges what it tells about, then tells of each message to the session", async () => {
    const bus = await startHere();
    const [here, other] = [await session(bus), await session(bus)];
    const uri = inboxOf(here);
    const stream = await listening(bus, [uri, inboxOf("no-such-session"), "agent-event-bus://guide"], 7);
    expect(stream.messages()).toEqual([
      {
        ...{ jsonrpc: "2.0", method: "notifications/subscriptions/acknowledged" },
        params: { notifications: { resourceSubscriptions: [uri] }, _meta: { [SUBSCRIPTION]: 7 } },
      },
    ]);
    await send(bus, other);
    await bus.call("publish_event", { event_type: "note", payload: "to all" });
    await send(bus, here);
    await stream.until(() => updates(stream).length > 0);
    expect(stream.messages().slice(1)).toEqual([
      {
        ...{ jsonrpc: "2.0", method: "notifications/resources/updated" },
        params: { uri, _meta: { [SUBSCRIPTION]: 7 } },
      },
    ]);
    stream.close();
  });

  test("tells that messages were seen, which the inbox shows until then", async () => {
    const bus = await startHere();
    const here = await session(bus);
    const uri = inboxOf(here);
    await send(bus, here, "grün");
    const read = async () => {
      const { message } = await askModern(bus.url, "resources/read", { uri });
      expect(message.result).toMatchObject({ resultType: "complete", ttlMs: 0, cacheScope: "private" });
      return JSON.parse(message.result.contents[0].text);
    };
    for (let i = 0; i < 2; i++)
      expect(await read()).toMatchObject({ unread: 1, messages: [{ payload: "grün", event_type: "note" }] });
    const stream = await listening(bus, [uri]);
    await bus.call("get_events", { session_id: here, resume: true });
    await bus.call("get_events", { session_id: here, resume: true });
    await stream.until(() => updates(stream).length > 0);
    expect(await read()).toMatchObject({ unread: 0, messages: [] });
    stream.close();
  });

  test("ends at once, acknowledged and complete, if it has nothing to tell about", async () => {
    const bus = await startHere();
    const request = modernRequest("subscriptions/listen", { notifications: { toolsListChanged: true } }, 3);
    const stream = await listen(bus.url, request);
    await stream.ended;
    expect(stream.messages()).toMatchObject([
      { params: { notifications: {} } },
      { id: 3, result: { resultType: "complete", _meta: { [SUBSCRIPTION]: 3 } } },
    ]);
  });

  test.each([
    ["no filter", undefined],
    ["a list", []],
    ["a text", "all"],
    ["a text for a list", { resourceSubscriptions: "all" }],
    ["a number for a URI", { resourceSubscriptions: [7] }],
    ["too many URIs", { resourceSubscriptions: Array.from({ length: 101 }, () => inboxOf("x")) }],
  ])("is refused with %s", async (_, notifications) => {
    const bus = await startHere();
    const { message } = await sendModern(bus.url, modernRequest("subscriptions/listen", { notifications }));
    expect(message).toMatchObject({ id: 1, error: { code: -32602 } });
  });

  test("needs a client that takes event streams", async () => {
    const bus = await startHere();
    const { body, headers } = listenRequest([]);
    const { status } = await sendModern(bus.url, {
      body,
      headers: { ...headers, accept: "application/json" },
    });
    expect(status).toBe(406);
  });

  test("has a bound, and a client that leaves makes room", async () => {
    const bus = await startHere({ env: { AGENT_EVENT_BUS_LIMIT_WAITERS: "2" } });
    const uri = inboxOf(await session(bus));
    const [first, second] = [await listening(bus, [uri], 1), await listening(bus, [uri], 2)];
    const refused = await sendModern(bus.url, listenRequest([uri], 3));
    expect([refused.status, refused.message.id]).toEqual([503, 3]);
    expect(refused.message.error.message).toContain("2 streams are already open");
    first.close();
    await eventually("there is room", async () => {
      const again = await listen(bus.url, listenRequest([uri], 4));
      again.close();
      return again.status === 200;
    });
    second.close();
  });

  test("shares its bound with the streams of the page", async () => {
    const bus = await startHere({ env: { AGENT_EVENT_BUS_LIMIT_WAITERS: "1" } });
    const page = await openStream(bus, tokenFor(bus.db, "page", "answer"));
    await page.until(() => page.messages.length > 0);
    expect((await sendModern(bus.url, listenRequest([]))).status).toBe(503);
    page.close();
  });

  test("tells a client that reads slowly once of what changed often", async () => {
    let ended = 0;
    const stream = new ListenStream({
      ...{ id: 1, uris: ["a", "b"], result: "", holds: () => true },
      over: () => ended++,
    });
    for (let i = 0; i < 10_000; i++) stream.tell(i % 2 === 0 ? "a" : "b");
    const reader = stream.readable.getReader();
    const next = async () => new TextDecoder().decode((await reader.read()).value);
    expect(await next()).toContain("acknowledged");
    const told = (await next()).match(/"uri":"\w"/g);
    expect(told).toEqual(['"uri":"a"', '"uri":"b"']);
    stream.end();
    stream.end();
    expect([(await reader.read()).done, ended]).toEqual([true, 1]);
  });

  test("is kept alive", async () => {
    const bus = await startHere();
    const stream = await listening(bus, [inboxOf(await session(bus))]);
    await stream.until(() => stream.text().includes(": still here\n\n"));
    stream.close();
  });

  test("ends with the token of its client", async () => {
    const bus = await startHere();
    const here = await session(bus);
    const stream = await listen(bus.url, listenRequest([inboxOf(here)]), bearer(tokenFor(bus.db, "ending")));
    await stream.until(() => stream.messages().length > 0);
    endToken(bus.db, "ending");
    let isOver = false;
    stream.ended.then(() => {
      isOver = true;
    });
    await eventually("the stream ends", async () => {
      await send(bus, here);
      return isOver;
    });
    expect(stream.messages().some(({ result }) => result)).toBe(false);
  });

  test("tells nobody who may not read the inbox", async () => {
    const bus = await startHere();
    const here = await session(bus);
    const reader = bearer(tokenFor(bus.db, "reader", "read"));
    const stream = await listen(bus.url, listenRequest([inboxOf(here)]), reader);
    await stream.ended;
    expect(stream.messages()[0].params.notifications).toEqual({});
    const { body, headers } = modernRequest("resources/read", { uri: inboxOf(here) });
    const { status, message } = await sendModern(bus.url, { body, headers: { ...headers, ...reader } });
    expect([status, message.id, message.error.code]).toEqual([403, 1, -32000]);
  });
});

describe("an inbox is not found", () => {
  test.each([
    ["of an unknown session", "no-such-session"],
    ["of no session", ""],
    ["that is malformed", "%"],
    ["that looks like a path", "%2e%2e/x"],
    ["with a space", "a b"],
    ["that is long", "é".repeat(2_000)],
  ])("%s", async (_, id) => {
    const bus = await startHere();
    const uri = inboxOf(id);
    const request = modernRequest("resources/read", { uri });
    request.headers["mcp-name"] = `=?base64?${Buffer.from(uri).toString("base64")}?=`;
    const { status, message } = await sendModern(bus.url, request);
    expect([status, message.error.code]).toEqual([200, -32602]);
    expect(message.error.message.length).toBeLessThan(300);
  });
});

describe.each(["binary", "node"] as const)("a stream of a bus (%s)", (kind) => {
  test("that stops ends complete, and the bus does stop", async () => {
    const bus = await startBus(kind);
    const stream = await listening(bus, [inboxOf(await session(bus))], 5);
    expect(await bus.stop()).toBe(0);
    await stream.ended;
    expect(stream.messages().at(-1)).toMatchObject({ id: 5, result: { resultType: "complete" } });
  });

  test("that is killed breaks off, and its client follows the next one: each message comes once", async () => {
    const bus = await startBus(kind);
    const here = await session(bus);
    const uri = inboxOf(here);
    const streams = await Promise.all([1, 2, 3].map((id) => listening(bus, [uri], id)));
    await send(bus, here, "before");
    await Promise.all(streams.map((stream) => stream.until(() => updates(stream).length > 0)));
    await bus.kill();
    await Promise.all(streams.map(({ ended }) => ended));
    for (const stream of streams) expect(stream.messages().some(({ result }) => result)).toBe(false);
    const next = await startBus(kind, { folder: bus.folder, port: bus.port });
    const again = await listening(next, [uri]);
    await send(next, here, "after");
    await again.until(() => updates(again).length > 0);
    const { message } = await askModern(next.url, "resources/read", { uri });
    const { messages } = JSON.parse(message.result.contents[0].text);
    expect(messages.map(({ payload }: { payload: string }) => payload)).toEqual(["before", "after"]);
    again.close();
  });
});
