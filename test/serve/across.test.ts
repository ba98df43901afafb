// Two compiled buses on one PostgreSQL: what ends or changes at one of them has ended or changed at the other.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Scope } from "../../src/domain/caller.ts";
import { withTokens } from "../../src/postgres/admin.ts";
import { fresh } from "../support/agent.ts";
import { type Ring, startRing } from "../support/bus_ring.ts";
import { bearer } from "../support/callers.ts";
import { noPostgres } from "../support/postgres.ts";
import { type Receiver, receiver } from "../support/receiver.ts";
import { ask, exchange, halvesOf } from "../support/signed_in.ts";
import { openStream } from "../support/stream.ts";

/** The promise is a second. A loaded machine may be late. */
const LATE_MS = 5_000;
const HERE = 0;
const THERE = 1;
let ring: Ring;

beforeAll(async () => {
  if (noPostgres === null) ring = await startRing(2);
});

afterAll(() => ring?.stop());

const here = () => ring.at(HERE);
const there = () => ring.at(THERE);

async function made(scope: Scope = "full"): Promise<{ name: string; secret: string }> {
  const name = fresh("token");
  const token = await withTokens({ url: ring.url, shown: "" }, async (tokens) =>
    tokens.create(name, scope, null),
  );
  return { name, secret: String(token?.secret) };
}

/** Ends a token as the command does. Resolves with its answer. */
const revoke = (name: string) =>
  withTokens({ url: ring.url, shown: "" }, async (tokens) => tokens.revoke(name));

/** The same past every bus, so that none is told. */
const revokeUnnoticed = (name: string) =>
  ring.rows(`UPDATE tokens SET revoked_at = now() WHERE name = '${name}'`);

/** The time from an answer until something is refused at the other bus (ms). */
async function refusedAfter(status: () => Promise<number>): Promise<number> {
  const began = performance.now();
  while ((await status()) !== 401)
    if (performance.now() - began > LATE_MS) throw new Error(`not refused after ${LATE_MS} ms`);
  return performance.now() - began;
}

function say(what: string, took: readonly number[]): void {
  console.log(
    `${what}: refused at the other bus after at most ${Math.round(Math.max(...took))} ms of ${took.length} times`,
  );
}

describe.skipIf(noPostgres !== null)("a token that is revoked", () => {
  test.each([
    ["its end is told", revoke],
    ["the notification is lost", revokeUnnoticed],
  ])("is refused at the other bus within a second (%s)", async (how, end) => {
    const took: number[] = [];
    for (let round = 0; round < 5; round++) {
      const { name, secret } = await made();
      const status = async () => (await ask(there(), "/api/list_sessions", bearer(secret), {})).status;
      expect(await status()).toBe(200);
      await end(name);
      took.push(await refusedAfter(status));
    }
    say(`a revoked token, ${how}`, took);
  });

  test("ends the page login and the stream that it opened, at the other bus too", async () => {
    const { name, secret } = await made("answer");
    const { code } = (await (await ask(here(), "/api/open_page", bearer(secret), {})).json()) as {
      code: string;
    };
    const page = await halvesOf(await exchange(there(), code));
    const status = async () => (await ask(there(), "/api/list_needs", page, {})).status;
    expect(await status()).toBe(200);
    const stream = await openStream(there(), secret);
    await stream.until(() => stream.messages.length > 0);
    await revoke(name);
    say("a page login", [await refusedAfter(status)]);
    await stream.ended;
    const late = await ask(there(), "/api/stream", bearer(secret));
    expect(late.status).toBe(401);
  });

  test("takes back the link that it made", async () => {
    const { name, secret } = await made("answer");
    const { code } = (await (await ask(here(), "/api/open_page", bearer(secret), {})).json()) as {
      code: string;
    };
    await revoke(name);
    await refusedAfter(async () => (await ask(there(), "/api/list_needs", bearer(secret), {})).status);
    expect((await exchange(there(), code)).status).toBe(401);
  });
});

/** A receiver that answers nobody before it is opened. */
function gatedReceiver(): { target: Receiver; open(): void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  const target = receiver(async () => {
    await promise;
    return new Response(null, { status: 204 });
  });
  return { target, open: resolve };
}

/** Both buses send four at a time. */
const IN_FLIGHT = 8;
const EVENTS = 30;

describe.skipIf(noPostgres !== null)("a webhook", () => {
  /** One whose deliveries wait at both buses, and another one that gets the same events. */
  async function busy() {
    const channel = fresh("channel");
    const [gated, control] = [gatedReceiver(), receiver()];
    const register = async (url: string, more = {}) =>
      (await here().call("register_webhook", { url, channel, ...more })).webhook_id;
    const id = await register(gated.target.url());
    await register(control.url());
    const publish = async (count: number) => {
      for (let i = 0; i < count; i++)
        await ring.at(i % 2).call("publish_event", { event_type: "t", payload: "p", channel });
    };
    await publish(EVENTS);
    await gated.target.until("/", IN_FLIGHT);
    await control.until("/", EVENTS);
    /** The receiver answers, and both buses send other events. */
    const goOn = async () => {
      gated.open();
      await publish(EVENTS);
      await control.until("/", 2 * EVENTS);
    };
    return { id, target: gated.target, goOn };
  }

  test("that is paused at one is not sent by the other, which sends what waited once it is enabled", async () => {
    const { id, target, goOn } = await busy();
    await here().call("set_webhook_active", { webhook_id: id, active: false });
    await goOn();
    expect(target.at("/")).toHaveLength(IN_FLIGHT);
    await there().call("set_webhook_active", { webhook_id: id, active: true });
    await target.until("/", EVENTS);
    const arrived = new Set(target.at("/").map(({ json }) => json.event_id));
    expect(arrived.size).toBe(EVENTS);
    target.stop();
  });

  test("that is removed at one is not sent by the other", async () => {
    const { id, target, goOn } = await busy();
    await here().call("unregister_webhook", { webhook_id: id });
    await goOn();
    expect(target.at("/")).toHaveLength(IN_FLIGHT);
    target.stop();
  });
});

test.skipIf(noPostgres !== null)(
  "a session that is renamed at one has its new name at the other at once",
  async () => {
    const own = { client_id: fresh("client"), machine: "m" };
    const [before, after] = [fresh("name"), fresh("name")];
    const { session_id } = await here().call("register_session", { ...own, name: before });
    const listener = { client_id: fresh("client"), machine: "m" };
    const reader = await there().call("register_session", { ...listener, name: "reader" });
    const nameThere = async () => {
      const { result } = await there().call("list_sessions");
      return result.find((one: { session_id: string }) => one.session_id === session_id).name;
    };
    expect(await nameThere()).toBe(before);
    await here().call("register_session", { ...own, name: after });
    expect(await nameThere()).toBe(after);
    const channel = `session:${reader.session_id}`;
    await there().call("publish_event", { event_type: "note", payload: "x", channel, session_id });
    const { events } = await there().call("collect_events", { ...listener, path: "prompt" });
    expect(events).toMatchObject([{ from: { name: after } }]);
  },
);
