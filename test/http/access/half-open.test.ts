import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { closeLan, type Lan, skipsLan, startLan } from "../../support/lan.ts";
import { post, readAnswer } from "../../support/raw.ts";
import { call, tryPublish } from "../../support/strangers.ts";
import { eventually } from "../../support/webhook.ts";

const WAIT_S = 8;
/** A quarter of them is the share of one token: as many as wait below. */
const WAITERS = 8;
const GIVE_UP_MS = 150_000;

/** What a peer was doing when it went away; each on a network of its own, which tells their connections apart. */
const KINDS = ["idle", "half a head", "half a body", "waiting, streamed", "waiting, silent"] as const;
type Kind = (typeof KINDS)[number];
const addressOf = (kind: Kind) => `10.77.${KINDS.indexOf(kind)}.1`;

// States in /proc/net/tcp. A connection that the bus has closed is in another one until the system gives up as well.
const ESTABLISHED = "01";
const CLOSE_WAIT = "08";

let lan: Lan;

describe.skipIf(skipsLan("a peer that is gone"))("a peer whose cable is pulled", () => {
  beforeAll(async () => {
    lan = await startLan({
      networks: KINDS.map((_, i) => [`10.77.${i}.1/24`, `10.77.${i}.2/24`] as const),
      env: { HOST: "0.0.0.0", AGENT_EVENT_BUS_LIMIT_WAITERS: String(WAITERS) },
    });
  });
  afterAll(() => closeLan(lan));

  test(
    "holds no connection and no place among those who wait, and the bus goes on for others",
    async () => {
      for (const kind of KINDS) await connect(kind);
      await eventually("every connection", () => KINDS.every((kind) => held(kind) > 0));
      await eventually("no place to wait is left", async () => !(await mayWait()));
      const before = { from: lan.wire.client, to: addressOf("idle") };
      lan.wire.pull();
      const { gone, slowest, published } = await watch();
      const list = [...gone].map(([what, seconds]) => `${what} ${seconds.toFixed(1)} s`);
      console.log(
        `network, a pulled cable: ${list.join(", ")}; meanwhile ${published} events of a local program, the slowest ${slowest.toFixed(0)} ms`,
      );
      expect([...gone.keys()].sort()).toEqual(["a place to wait", ...KINDS].sort());
      lan.wire.plug();
      expect((await tryPublish(lan.bus, before, lan.bearer("laptop"))).origin).toBe("laptop");
    },
    GIVE_UP_MS + 30_000,
  );
});

/** Publishes as a local program until nothing is held for the peer; `gone` says after how many seconds each was let go. */
async function watch(): Promise<{ gone: Map<string, number>; slowest: number; published: number }> {
  const gone = new Map<string, number>();
  const began = performance.now();
  const note = (what: string, isGone: boolean) => {
    if (isGone && !gone.has(what)) gone.set(what, (performance.now() - began) / 1000);
  };
  let slowest = 0;
  let published = 0;
  while (gone.size < KINDS.length + 1 && performance.now() - began < GIVE_UP_MS) {
    const sent = performance.now();
    const { origin } = await tryPublish(lan.bus, { from: lan.wire.server, to: "127.0.0.1" });
    slowest = Math.max(slowest, performance.now() - sent);
    expect(origin).toBe("local");
    published++;
    for (const kind of KINDS) note(kind, held(kind) === 0);
    note("a place to wait", gone.has("a place to wait") || (await mayWait()));
    await Bun.sleep(50);
  }
  return { gone, slowest, published };
}

async function connect(kind: Kind): Promise<void> {
  const host = addressOf(kind);
  const head = { host, connection: "keep-alive", ...lan.bearer("laptop") };
  const wait = call("get_events", { cursor: "999999", wait_seconds: WAIT_S });
  const bytes = {
    idle: post(call("list_sessions", {}), head),
    "half a head": post("{}", head).subarray(0, 60),
    "half a body": post(wait, head).subarray(0, -20),
    "waiting, streamed": post(wait, head),
    "waiting, silent": post(wait, { ...head, accept: "application/json" }),
  }[kind];
  const socket = await lan.wire.client.hold(host, lan.bus.port, bytes);
  if (kind === "idle") expect((await readAnswer(socket)).status).toBe(200);
}

/** True if the token of the peer still has a place to wait. */
async function mayWait(): Promise<boolean> {
  const wait = call("get_events", { cursor: "999999", wait_seconds: 1, event_types: ["never"] });
  const answer = await lan.wire.server.send("127.0.0.1", lan.bus.port, post(wait, lan.bearer("laptop")));
  return !answer.body.includes("limit waiters");
}

/** How many connections the system holds for the bus on the network of that kind. */
function held(kind: Kind): number {
  const octets = addressOf(kind).split(".").reverse();
  const hex = (n: number, digits: number) => n.toString(16).padStart(digits, "0").toUpperCase();
  const local = `${octets.map((octet) => hex(Number(octet), 2)).join("")}:${hex(lan.bus.port, 4)}`;
  return readFileSync(`/proc/${lan.bus.process.pid}/net/tcp`, "utf8")
    .split("\n")
    .map((line) => line.trim().split(/\s+/))
    .filter(([, address, , state]) => address === local && (state === ESTABLISHED || state === CLOSE_WAIT))
    .length;
}
