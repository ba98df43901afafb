import { describe, expect, test } from "bun:test";
import { type Caller, LOCAL, type Scope } from "../../../src/domain/caller.ts";
import type { Limits } from "../../../src/domain/limits.ts";
import { Share } from "../../../src/domain/share.ts";
import { Shares } from "../../../src/http/access/shares.ts";
import { startHere } from "../../support/bus.ts";
import { bearer, tokenFor } from "../../support/callers.ts";
import { DEFAULT_LIMITS } from "../../support/limits.ts";
import { hold, post, raw } from "../../support/raw.ts";
import { rpcTool } from "../../support/rpc.ts";
import { eventually } from "../../support/webhook.ts";

const MIB = 1024 * 1024;
const remote = (origin: string, scope: Scope = "full"): Caller => ({ origin, scope, local: false });

describe("a share", () => {
  const share = (most: number, least?: number) =>
    new Share({ limit: "calls", most, ...(least && { least }), things: "calls", doing: "under way" });

  /** How many of `asked` are taken. */
  function taken(of: Share, caller: Caller, asked: number): number {
    return Array.from({ length: asked }, () => of.take(caller)).filter((problem) => problem === null).length;
  }

  test("gives one origin a quarter, all but this machine three quarters, and this machine the rest", () => {
    const calls = share(100);
    expect(["a", "b", "c", "d"].map((origin) => taken(calls, remote(origin), 100))).toEqual([25, 25, 25, 0]);
    expect(taken(calls, LOCAL, 100)).toBe(25);
  });

  test("gives this machine all of it", () => {
    expect(taken(share(100), LOCAL, 200)).toBe(100);
  });

  test.each([
    [1, 1],
    [2, 1],
    [3, 1],
    [4, 1],
    [8, 2],
  ])("of %d gives one origin %d", (most, one) => {
    expect(taken(share(most), remote("a"), 10)).toBe(one);
  });

  test("gives one thing that is larger than a quarter when it may be that large", () => {
    const bytes = share(100, 60);
    expect(bytes.take(remote("a"), 60)).toBeNull();
    expect(bytes.take(remote("a"), 1)).not.toBeNull();
  });

  test("says who has how much of what", () => {
    const calls = share(4);
    taken(calls, remote("ci"), 1);
    expect(calls.take(remote("ci"))).toBe("ci already has 1 of 4 calls under way (limit calls)");
    for (const origin of ["b", "c"]) taken(calls, remote(origin), 1);
    expect(calls.take(remote("d"))).toBe("Other machines already have 3 of 4 calls under way (limit calls)");
    taken(calls, LOCAL, 1);
    expect(calls.take(LOCAL)).toBe("4 calls are already under way (limit calls)");
  });

  test("is whole again when everything was given back, whatever the order", () => {
    const calls = share(100);
    const callers = [LOCAL, ...["a", "b", "c"].map((origin) => remote(origin))];
    for (let round = 0; round < 50; round++) {
      const held = callers.flatMap((caller) =>
        Array.from({ length: taken(calls, caller, 25) }, () => caller),
      );
      expect(held).toHaveLength(100);
      for (const caller of round % 2 === 0 ? held : held.reverse()) calls.give(caller);
    }
    expect(taken(calls, LOCAL, 200)).toBe(100);
  });
});

describe("what callers hold and use", () => {
  let now = 0;
  const shares = (limits: Partial<Limits> = {}) => new Shares({ ...DEFAULT_LIMITS, ...limits }, () => now);

  test("one peer makes so many calls a second, this machine as many as it likes", () => {
    const some = shares({ calls_per_second: 10 });
    const call = (caller: Caller) => {
      const refusal = some.readBody(caller, 100);
      if (refusal === null) some.bodyRead(caller, 100);
      return refusal;
    };
    const passed = (caller: Caller, asked: number) =>
      Array.from({ length: asked }, () => call(caller)).filter((refusal) => refusal === null).length;
    expect(passed(remote("a"), 100)).toBe(20);
    expect(call(remote("a"))).toMatchObject({
      status: 429,
      reason: expect.stringContaining("a sends more than 10 calls per second (limit calls_per_second)"),
      headers: { "retry-after": "1" },
    });
    now += 1_000;
    expect(passed(remote("a"), 100)).toBe(10);
    expect(passed(LOCAL, 5_000)).toBe(5_000);
  });

  test("large bodies and answers of one peer are so many bytes a second, whatever their number", async () => {
    const some = shares({ traffic_bytes_per_second: 4 * MIB });
    expect(some.readBody(remote("a"), 4 * MIB)).toBeNull();
    expect(some.readBody(remote("a"), MIB)?.reason).toContain("(limit traffic_bytes_per_second)");
    expect(await some.turn(remote("a"), 4 * MIB)).toBeNull();
    some.answer(remote("a"), 10 * MIB);
    expect((await some.turn(remote("a"), 10))?.status).toBe(429);
    expect(await some.turn(remote("b"), 10)).toBeNull();
    now += 3_300;
    expect(await some.turn(remote("a"), 10)).toBeNull();
  });

  test("bodies under way are a quarter of all for one peer, and none of this machine's are counted", () => {
    const some = shares({ bodies_bytes: 64 * MIB, traffic_bytes_per_second: 4_096 * MIB });
    const begun = (caller: Caller) =>
      Array.from({ length: 100 }, () => some.readBody(caller, 4 * MIB)).filter((refusal) => refusal === null);
    expect(begun(remote("a"))).toHaveLength(4);
    expect(some.readBody(remote("a"), 4 * MIB)).toMatchObject({
      status: 503,
      reason: `a already has ${16 * MIB} of ${64 * MIB} bytes of requests under way (limit bodies_bytes). Nothing was done. Try again in a second.`,
    });
    expect(begun(LOCAL)).toHaveLength(100);
    for (let i = 0; i < 4; i++) some.bodyRead(remote("a"), 4 * MIB);
    expect(begun(remote("a"))).toHaveLength(4);
  });

  test("unread answers of one peer are bounded; a full one's is never withheld, but its next call is refused", () => {
    const some = shares({ unread_bytes: 16 * MIB, traffic_bytes_per_second: 4_096 * MIB });
    const [reader, full] = [remote("reader", "read"), remote("full")];
    expect(some.answer(reader, 4 * MIB)).toBeNull();
    expect(some.answer(reader, 1)).toContain("(limit unread_bytes)");
    for (let i = 0; i < 2; i++) expect(some.answer(full, 4 * MIB)).toBeNull();
    expect(some.readBody(full, 10)?.status).toBe(503);
    for (let i = 0; i < 2; i++) some.taken(full, 4 * MIB);
    expect(some.readBody(full, 10)).toBeNull();
  });
});

const limit = (name: string, value: number) => ({ [`AGENT_EVENT_BUS_LIMIT_${name}`]: String(value) });

describe("over HTTP, one token", () => {
  test("has a quarter of the waits, and gives them back when its clients leave", async () => {
    const bus = await startHere({ env: limit("WAITERS", 8) });
    const token = bearer(tokenFor(bus.db, "greedy", "read"));
    const wait = { channel: "nothing", wait_seconds: 60 };
    const body = JSON.stringify({
      ...{ jsonrpc: "2.0", id: 1, method: "tools/call" },
      params: { name: "get_events", arguments: wait },
    });
    const sockets = [];
    for (let i = 0; i < 2; i++)
      sockets.push(await hold(bus.port, post(body, { ...token, connection: null })));
    const asked = async (headers: Record<string, string>) =>
      (await rpcTool(bus.url, "get_events", { ...wait, wait_seconds: 1 }, headers)).message.result;
    await eventually("its next one is refused", async () => (await asked(token)).isError === true);
    expect((await asked(token)).content[0].text).toBe(
      "get_events: greedy already has 2 of 8 calls waiting (limit waiters). Call again without wait_seconds.",
    );
    expect(
      (await Promise.all(Array.from({ length: 6 }, () => asked({})))).filter(({ isError }) => isError),
    ).toEqual([]);
    for (const socket of sockets) socket.destroy();
    await eventually("it may wait again", async () => (await asked(token)).isError === undefined);
  });

  test("has a quarter of the bodies that are being sent, and this machine the rest", async () => {
    const bus = await startHere({ env: limit("CALLS", 8) });
    const token = bearer(tokenFor(bus.db, "greedy", "publish"));
    const whole = Buffer.from(post('{"jsonrpc":"2.0","id":1,"method":"ping"}', token));
    const half = whole.subarray(0, whole.length - 5);
    const sockets = [];
    for (let i = 0; i < 6; i++) sockets.push(await hold(bus.port, half));
    await eventually("its next one is refused", async () => (await raw(bus.port, whole)).status === 503);
    expect((await raw(bus.port, whole)).body).toContain(
      "greedy already has 2 of 8 calls under way (limit calls)",
    );
    expect((await rpcTool(bus.url, "list_sessions")).status).toBe(200);
    for (const socket of sockets) socket.destroy();
    await eventually("there is room again", async () => (await raw(bus.port, whole)).status === 200);
  });

  test.each(["application/json", "application/json, text/event-stream"])(
    "reads a long answer whole, and one that it leaves half read is not counted any more: %s",
    async (accept) => {
      const bus = await startHere({ env: limit("UNREAD_BYTES", 4 * MIB) });
      const token = { ...bearer(tokenFor(bus.db, "reader", "read")), accept };
      const payload = "0123456789é".repeat(30_000);
      for (let i = 0; i < 3; i++) await bus.call("publish_event", { event_type: "t", payload });
      for (let i = 0; i < 6; i++) {
        const { message } = await rpcTool(bus.url, "get_events", { limit: 1 }, token);
        expect(message.result.structuredContent.events[0].payload === payload).toBe(true);
        const leaving = new AbortController();
        await fetch(bus.url, {
          method: "POST",
          headers: { "content-type": "application/json", ...token },
          body: JSON.stringify({
            ...{ jsonrpc: "2.0", id: 1, method: "tools/call" },
            params: { name: "get_events", arguments: { limit: 1 } },
          }),
          signal: leaving.signal,
        }).then(({ status }) => expect(status).toBe(200));
        leaving.abort();
      }
    },
  );
});
