import { afterAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { serverConfig } from "../../src/config/server.ts";
import type { Call } from "../../src/domain/call.ts";
import { type Caller, LOCAL } from "../../src/domain/caller.ts";
import type { LimitName } from "../../src/domain/limits.ts";
import { Share } from "../../src/domain/share.ts";
import type { Json } from "../../src/lib/json.ts";
import { createClock } from "../../src/lib/steady_clock.ts";
import type { CallLine } from "../../src/operations/call_log.ts";
import { operations } from "../../src/operations/index.ts";
import { Door } from "../../src/operations/invoke.ts";
import type { Denial, Outcome, Refusal } from "../../src/operations/outcome.ts";
import { createBus } from "../../src/serve/wiring.ts";
import { lockDatabase, openStore } from "../../src/sqlite/store.ts";
import { silent } from "../support/bus.ts";
import { tempFolder } from "../support/folder.ts";
import { held } from "../support/held.ts";
import { eventually } from "../support/webhook.ts";

const EVENT = { event_type: "t", payload: "p" };
const LAPTOP: Caller = { origin: "laptop", scope: "full", local: false, token: "a".repeat(64) };
const READER: Caller = { ...LAPTOP, origin: "reader", scope: "read" };

/** A door before a real store, and what it logged. */
function openDoor(limits: Partial<Record<LimitName, number>> = {}) {
  const db = join(tempFolder(), "data.db");
  const settings = serverConfig({ db, port: "0" }, {}, {});
  const config = { ...settings, limits: { ...settings.limits, ...limits } };
  const store = openStore(db, lockDatabase(db), { now: Date.now });
  afterAll(() => store.close());
  const ended = new Set<Caller>();
  const holds = (caller: Caller) => !ended.has(caller);
  const { bus } = createBus({
    ...{ config, store, holds, log: silent, now: Date.now, ownPort: () => 0 },
    clock: createClock(Date.now, 1),
    allowedNetworks: [],
    endingTokens: () => [],
  });
  const lines: CallLine[] = [];
  const denials: Denial[] = [];
  const hold = held();
  const door = new Door({
    ...{ bus, holds, steady: () => 0, operations: [...operations, hold.operation] },
    calls: new Share({ limit: "calls", most: config.limits.calls, things: "calls", doing: "under way" }),
    log: {
      call: (describe) => lines.push(describe()),
      denied: (_caller, denial) => denials.push(denial),
      deleted() {},
      unexpected(tool, error) {
        throw new Error(`${tool} is not expected to break`, { cause: error });
      },
    },
  });
  const invoke = (name: unknown, args: unknown, caller = LOCAL, call: Partial<Call> = {}) =>
    door.invoke(name, args, { caller, signal: new AbortController().signal, progress() {}, ...call });
  const value = async (name: string, args: unknown, caller = LOCAL) => {
    const outcome = await invoke(name, args, caller);
    if ("refusal" in outcome) throw new Error(outcome.refusal.reason);
    return outcome.value as Json;
  };
  const told = () => lines.map(({ tool, outcome }) => `${tool} ${outcome}`);
  return { bus, invoke, value, told, lines, denials, hold, end: (caller: Caller) => ended.add(caller) };
}

const refused = (kind: Refusal["kind"], reason: string): Outcome => ({
  refusal: { kind, reason: expect.stringContaining(reason) as unknown as string } as Refusal,
});

describe("a call that is not let in", () => {
  test("is beyond its caller's scope", async () => {
    const { bus, invoke, told, denials } = openDoor();
    const outcome = await invoke("publish_event", EVENT, READER);
    expect(outcome).toEqual(
      refused("scope", "The token reader has the scope read, which does not allow publish_event"),
    );
    expect([await bus.store.events.tip(), told(), denials.length]).toEqual([0, [], 1]);
  });

  test("publishes faster than its caller may", async () => {
    const { bus, invoke, told, denials } = openDoor({ publish_burst: 2 });
    for (let i = 0; i < 2; i++) expect(await invoke("publish_event", EVENT, LAPTOP)).toHaveProperty("value");
    expect(await invoke("publish_event", EVENT, LAPTOP)).toEqual(
      refused("rate", "laptop published more than 200 events per second (limit publish_per_second)"),
    );
    expect(await invoke("list_channels", {}, LAPTOP)).toHaveProperty("value");
    expect([await bus.store.events.tip(), denials.length]).toEqual([2, 1]);
    expect(told()).toEqual(["publish_event ok", "publish_event ok", "list_channels ok"]);
  });

  test("comes while its caller has its share under way, and may come again after that", async () => {
    const { invoke, hold } = openDoor({ calls: 8 });
    const under = [1, 2].map((name) => invoke("hold", { name: String(name) }, LAPTOP));
    await hold.until(2);
    const full = refused("busy", "laptop already has 2 of 8 calls under way (limit calls). Nothing was done");
    expect(await invoke("list_channels", {}, LAPTOP)).toEqual(full);
    expect(await invoke("no_such_tool", {}, LAPTOP)).toEqual(full);
    expect(await invoke("list_channels", {})).toHaveProperty("value");
    hold.release();
    await Promise.all(under);
    expect(await invoke("list_channels", {}, LAPTOP)).toHaveProperty("value");
  });
});

describe("a call that is let in", () => {
  test("names an operation", async () => {
    const { invoke, told } = openDoor();
    for (const name of ["no_such_tool", undefined, 7, { toString: 1 }, "toString", "__proto__"])
      expect(await invoke(name, {})).toEqual(refused("unknown", "Unknown tool: "));
    expect(told()).toEqual([]);
  });

  test.each([
    [{}, "publish_event: event_type is required; payload is required."],
    [{ ...EVENT, tags: "a" }, "tags must be a list of strings"],
    ["none", "publish_event: the arguments must be an object."],
  ])("has its arguments checked: %j", async (args, reason) => {
    const { bus, invoke, told } = openDoor();
    expect(await invoke("publish_event", args)).toEqual(refused("arguments", reason));
    expect([await bus.store.events.tip(), told()]).toEqual([0, ["publish_event invalid"]]);
  });

  test("leaves one line, with its outcome and without secrets", async () => {
    const { invoke, value, told, lines } = openDoor();
    await value("publish_event", { ...EVENT, session_id: "me" }, LAPTOP);
    await value("ack_events", { session_id: "nobody", cursor: "1" });
    await value("register_webhook", { url: "http://127.0.0.1:9/hook", secret: "very-secret" });
    await invoke("get_delivery", { event_id: 0 });
    expect(told()).toEqual([
      "publish_event ok",
      "ack_events refused",
      "register_webhook ok",
      "get_delivery invalid",
    ]);
    expect(lines[0]).toMatchObject({
      who: "me from laptop",
      args: 'event_type="t" payload="p"',
      detail: "#1",
    });
    expect(JSON.stringify(lines)).not.toContain("very-secret");
  });

  test("with a refusal of the handler says it in the operation's name", async () => {
    const { invoke, told } = openDoor({ waiters: 0 });
    expect(await invoke("get_events", { wait_seconds: 1 })).toEqual(
      refused("failed", "get_events: 0 calls are already waiting (limit waiters)"),
    );
    expect(told()).toEqual(["get_events invalid"]);
  });
});

describe("a caller whose token ends", () => {
  test("before its call runs changes nothing", async () => {
    const { bus, invoke, told, end } = openDoor();
    end(LAPTOP);
    expect(await invoke("publish_event", EVENT, LAPTOP)).toEqual(
      refused("token_ended", "publish_event: the token laptop expired or was revoked during the call."),
    );
    expect([await bus.store.events.tip(), told()]).toEqual([0, ["publish_event invalid"]]);
  });

  test("while it waits is shown nothing and moves no cursor", async () => {
    const { bus, invoke, value, told, end } = openDoor();
    const { session_id } = await value("register_session", { name: "a", machine: "m", cwd: "/" });
    const reading = { session_id, resume: true, order: "asc" };
    await value("get_events", reading);
    const waiting = invoke("get_events", { ...reading, wait_seconds: 60 }, LAPTOP);
    await eventually("it waits", () => bus.subscriptions.has(String(session_id)));
    end(LAPTOP);
    await value("publish_event", EVENT);
    expect(await waiting).toEqual(
      refused("token_ended", "get_events: the token laptop expired or was revoked"),
    );
    expect((await value("get_events", reading)).events).toMatchObject([{ payload: "p" }]);
    expect(told().filter((line) => line === "get_events invalid")).toHaveLength(1);
  });
});
