import { beforeEach, describe, expect, test } from "bun:test";
import { type Caller, LOCAL } from "../../src/domain/caller.ts";
import type { Limits } from "../../src/domain/limits.ts";
import { type Admit, createAdmit } from "../../src/operations/admission.ts";
import { operations } from "../../src/operations/index.ts";
import { publishEvent } from "../../src/operations/publish_event.ts";
import { fresh, stored } from "../support/agent.ts";
import { startHere, type TestBus } from "../support/bus.ts";
import { bearer, servedTo, tokenFor } from "../support/callers.ts";
import { cli } from "../support/cli.ts";
import { DEFAULT_LIMITS } from "../support/limits.ts";
import { type RpcAnswer, rpcTool } from "../support/rpc.ts";

const remote = (origin: string): Caller => ({ origin, scope: "full", local: false });

describe("the rate of a peer", () => {
  let now = 0;
  beforeEach(() => {
    now = 5_000;
  });

  function admitWith(limits: Partial<Limits> = {}): Admit {
    return createAdmit({ ...DEFAULT_LIMITS, ...limits }, () => now);
  }

  /** How many of `asked` publishes pass at this moment. */
  function passing(admit: Admit, caller: Caller, asked: number, operation = publishEvent): number {
    return Array.from({ length: asked }, () => admit(caller, operation)).filter((refusal) => refusal === null)
      .length;
  }

  test("lets a burst pass, then as many as the time since allows", () => {
    const admit = admitWith();
    expect(passing(admit, remote("a"), 1_500)).toBe(1_000);
    for (const [ms, most] of [
      [4, 0],
      [1, 1],
      [0, 0],
      [1_000, 200],
      [500, 100],
      [4_999, 999],
    ] as const) {
      now += ms;
      expect(passing(admit, remote("a"), 1_500)).toBe(most);
    }
  });

  test("never saves up more than one burst", () => {
    const admit = admitWith();
    passing(admit, remote("a"), 1_000);
    now += 86_400_000;
    expect(passing(admit, remote("a"), 5_000)).toBe(1_000);
  });

  test("loses no part of an event, however often it is asked meanwhile", () => {
    const admit = admitWith({ publish_per_second: 1, publish_burst: 1 });
    passing(admit, remote("a"), 1);
    let passed = 0;
    for (let i = 0; i < 10_000; i++) {
      now += 1;
      passed += passing(admit, remote("a"), 1);
    }
    expect(passed).toBeGreaterThanOrEqual(9);
    expect(passed).toBeLessThanOrEqual(10);
  });

  test("is each origin's own", () => {
    const admit = admitWith({ publish_burst: 3 });
    for (const origin of ["laptop", "ci", "ada@example.com"])
      expect(passing(admit, remote(origin), 10)).toBe(3);
  });

  test("gives nothing when its clock goes back, and goes on when time does", () => {
    const admit = admitWith({ publish_burst: 5 });
    passing(admit, remote("a"), 5);
    now -= 4_000;
    expect(passing(admit, remote("a"), 10)).toBe(0);
    now += 10;
    expect(passing(admit, remote("a"), 10)).toBe(2);
  });

  test("is kept for so many origins and no more: those that published last", () => {
    const admit = admitWith({ publish_burst: 1 });
    passing(admit, remote("first"), 1);
    for (let i = 0; i < 9_000; i++) expect(passing(admit, remote(`p${i}`), 2)).toBe(1);
    expect(passing(admit, remote("first"), 1)).toBe(0);
    for (let i = 9_000; i < 18_000; i++) expect(passing(admit, remote(`p${i}`), 2)).toBe(1);
    expect(passing(admit, remote("first"), 1)).toBe(0);
    expect(passing(admit, remote("p0"), 2)).toBe(1);
  });

  test("counts what stores an event, and only that", () => {
    const counted = operations.filter((operation) => {
      const admit = admitWith({ publish_burst: 2 });
      return passing(admit, remote("a"), 5, operation) === 2;
    });
    const names = counted.map(({ name }) => name);
    expect(names).toEqual(["register_session", "publish_event", "ask", "reply", "unregister_session"]);
    const admit = admitWith({ publish_burst: 4 });
    expect(counted.map((operation) => passing(admit, remote("a"), 1, operation))).toEqual([1, 1, 1, 1, 0]);
  });

  test("is no bound for this machine's programs unless it is set", () => {
    expect(passing(admitWith(), LOCAL, 20_000)).toBe(20_000);
    const admit = admitWith({ local_publish_per_second: 10, publish_burst: 5 });
    expect(passing(admit, LOCAL, 20)).toBe(5);
    now += 300;
    expect(passing(admit, LOCAL, 20)).toBe(3);
    expect(admit(LOCAL, publishEvent)?.reason).toContain(
      "local published more than 10 events per second (limit local_publish_per_second)",
    );
    expect(passing(admit, remote("a"), 20)).toBe(5);
  });

  test("holds for a caller whose scope would refuse the call all the same", () => {
    const admit = admitWith({ publish_burst: 2 });
    const reader: Caller = { ...remote("a"), scope: "read" };
    for (let i = 0; i < 5; i++) expect(admit(reader, publishEvent)?.kind).toBe("scope");
    expect(passing(admit, remote("a"), 5)).toBe(2);
  });
});

/** Publishes until the bus says no; how many it took, and the most that the time since allows. */
async function flood(bus: TestBus, headers: Record<string, string>, rate: number, burst: number) {
  const began = performance.now();
  let refusal: RpcAnswer | undefined;
  let taken = 0;
  for (let at = 0; refusal === undefined && at < burst * 3; at += 50) {
    const batch = await Promise.all(
      Array.from({ length: 50 }, (_, i) =>
        rpcTool(bus.url, "publish_event", { event_type: "t", payload: "p" }, headers, at + i),
      ),
    );
    taken += batch.filter(({ status }) => status === 200).length;
    refusal = batch.find(({ status }) => status !== 200);
  }
  return { refusal, taken, most: burst + Math.ceil(((performance.now() - began) / 1000) * rate) };
}

describe("over HTTP", () => {
  test("1,000 at once pass, the next gets 429 with its id, and nothing of it is stored", async () => {
    const bus = await startHere({ env: { AGENT_EVENT_BUS_LIMIT_PUBLISH_PER_SECOND: "1" } });
    const headers = bearer(tokenFor(bus.db, "ci", "publish"));
    const { refusal, taken, most } = await flood(bus, headers, 1, 1_000);
    expect(taken).toBeGreaterThanOrEqual(1_000);
    expect(taken).toBeLessThanOrEqual(most);
    expect([refusal?.status, refusal?.headers.get("retry-after")]).toEqual([429, "1"]);
    expect(refusal?.message).toEqual({
      jsonrpc: "2.0",
      id: expect.any(Number),
      error: {
        code: -32000,
        message:
          "ci published more than 1 events per second (limit publish_per_second). Nothing was stored. Try again in a second.",
      },
    });
    expect(stored(bus).events).toBe(taken);
    await Bun.sleep(Number(refusal?.headers.get("retry-after")) * 1_000);
    const again = await rpcTool(bus.url, "publish_event", { event_type: "t", payload: "p" }, headers);
    expect(again.status).toBe(200);
  });

  test("the default rate holds for a login too", async () => {
    const bus = await startHere();
    const { refusal, taken, most } = await flood(bus, servedTo("ada@example.com"), 200, 1_000);
    expect(refusal?.message.error.message ?? "none").toMatch(
      /^ada@example.com published more than 200 events|none/,
    );
    expect(taken).toBeLessThanOrEqual(most);
    expect(stored(bus).events).toBe(taken);
  });

  test("a peer that is over its rate may still read, and takes nothing from others", async () => {
    const env = {
      AGENT_EVENT_BUS_LIMIT_PUBLISH_PER_SECOND: "1",
      AGENT_EVENT_BUS_LIMIT_PUBLISH_BURST: "2",
    };
    const bus = await startHere({ env });
    const [noisy, quiet] = ["noisy", "quiet"].map((name) => bearer(tokenFor(bus.db, name)));
    await flood(bus, noisy ?? {}, 1, 2);
    const publishAs = async (headers = {}) =>
      (await rpcTool(bus.url, "publish_event", { event_type: "t", payload: "p" }, headers)).status;
    expect(await publishAs(quiet)).toBe(200);
    for (let i = 0; i < 50; i++) expect(await publishAs()).toBe(200);
    for (const tool of ["get_events", "list_sessions", "list_webhooks"])
      expect((await rpcTool(bus.url, tool, {}, noisy)).status).toBe(200);
  });

  test("registering and unregistering count, and what is refused registers nobody", async () => {
    const env = {
      AGENT_EVENT_BUS_LIMIT_PUBLISH_PER_SECOND: "1",
      AGENT_EVENT_BUS_LIMIT_PUBLISH_BURST: "20",
    };
    const bus = await startHere({ env });
    const headers = bearer(tokenFor(bus.db, "churner"));
    const began = performance.now();
    let done = 0;
    let refused: RpcAnswer | undefined;
    for (let i = 0; refused === undefined && i < 500; i++) {
      const client_id = fresh("churn");
      for (const [tool, args] of [
        ["register_session", { name: "n", client_id }],
        ["unregister_session", { client_id }],
      ] as const) {
        const answer: RpcAnswer = refused ?? (await rpcTool(bus.url, tool, args, headers));
        if (answer.status === 200) done++;
        else refused = answer;
      }
    }
    expect(refused?.status).toBe(429);
    expect(done).toBeGreaterThanOrEqual(20);
    expect(done).toBeLessThanOrEqual(20 + Math.ceil((performance.now() - began) / 1000));
    expect(stored(bus)).toMatchObject({ events: done, sessions: Math.ceil(done / 2) });
  });

  test("local programs have no bound, and share one when it is set", async () => {
    const free = await startHere();
    const all = Array.from({ length: 1_500 }, () =>
      rpcTool(free.url, "publish_event", { event_type: "t", payload: "p" }),
    );
    expect((await Promise.all(all)).filter(({ status }) => status !== 200)).toEqual([]);
    const env = {
      AGENT_EVENT_BUS_LIMIT_LOCAL_PUBLISH_PER_SECOND: "1",
      AGENT_EVENT_BUS_LIMIT_PUBLISH_BURST: "2",
    };
    const bounded = await startHere({ env });
    const { refusal } = await flood(bounded, {}, 1, 2);
    expect(refusal?.message.error.message).toContain("(limit local_publish_per_second)");
  });

  test("a command that is over the rate exits with 1 and the bus's sentence", async () => {
    const env = {
      AGENT_EVENT_BUS_LIMIT_PUBLISH_PER_SECOND: "1",
      AGENT_EVENT_BUS_LIMIT_PUBLISH_BURST: "2",
    };
    const bus = await startHere({ env });
    const secret = tokenFor(bus.db, "ci", "publish");
    const tryOnce = async () => {
      await flood(bus, bearer(secret), 1, 2);
      const options = { bus, env: { AGENT_EVENT_BUS_TOKEN: secret } };
      return cli(["publish", "--type", "t", "--payload", "from a command"], options);
    };
    let result = await tryOnce();
    for (let i = 0; result.code === 0 && i < 20; i++) result = await tryOnce();
    expect(result.stderr).toStartWith(
      "agent-event-bus: ci published more than 1 events per second (limit publish_",
    );
    expect([result.code, result.stdout]).toEqual([1, ""]);
  });
});
