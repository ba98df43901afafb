import { expect, test } from "bun:test";
import { operations } from "../../src/operations/index.ts";
import { stored } from "../support/agent.ts";
import type { TestBus } from "../support/bus.ts";
import { type RpcAnswer, rpc } from "../support/rpc.ts";

const CASES = 1500;
const AT_ONCE = 20;
const SLOWEST_MS = 5_000;
const SEED = 20_260_517;

const STRINGS = [
  "",
  "all",
  "session:",
  "session:x",
  "0",
  "-1",
  "9".repeat(40),
  "\u0000",
  "\ufeff",
  "'); DROP TABLE events;--",
];
const KEYS = ["__proto__", "constructor", "id", "jsonrpc", "params", "_meta", "", "a.b"];
const METHODS = ["tools/list", "ping", "resources/list", "resources/read", "initialize", "x"];
// Not notify, which starts a program, nor webhooks, which would be called.
const TOOLS = operations.filter(({ name }) => name !== "notify" && !name.includes("webhook"));

type Random = (below: number) => number;

/** Mulberry32: the same cases on every run. */
function random(seed: number): Random {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

function pick<T>(next: Random, from: readonly T[]): T {
  return from[next(from.length)] as T;
}

function value(next: Random, depth = 0): unknown {
  const kind = next(depth > 3 ? 6 : 9);
  if (kind < 3) return pick(next, STRINGS);
  if (kind === 3) return pick(next, [null, true, false]);
  if (kind === 4) return next(2000) - 1000;
  if (kind === 5) return pick(next, [0.5, 1e21, -1e300, 2 ** 53]);
  if (kind === 6) return Array.from({ length: next(4) }, () => value(next, depth + 1));
  return Object.fromEntries(
    Array.from({ length: next(4) }, () => [pick(next, KEYS), value(next, depth + 1)]),
  );
}

/** A call of a tool with some arguments right, some wrong, some unknown; never one that waits. */
function call(next: Random): Record<string, unknown> {
  const tool = pick(next, TOOLS);
  const names = [...Object.keys(tool.params), pick(next, KEYS)].filter((name) => name !== "wait_seconds");
  const args = names
    .filter(() => next(3) > 0)
    .map((name) => [name, next(3) === 0 ? value(next) : pick(next, STRINGS)] as const);
  const params = { name: tool.name, arguments: Object.fromEntries(args) };
  return { jsonrpc: "2.0", id: next(1000), method: "tools/call", params };
}

function message(next: Random): unknown {
  const made = call(next);
  switch (next(6)) {
    case 0:
      return { ...made, [pick(next, ["jsonrpc", "id", "method", "params", "extra"])]: value(next) };
    case 1:
      return { ...made, method: pick(next, METHODS), params: value(next) };
    case 2:
      return { ...made, params: { name: "get_events", arguments: value(next), _meta: value(next) } };
    default:
      return made;
  }
}

/** Some bytes of a message changed, left out or doubled. */
function damaged(next: Random, text: string): Uint8Array {
  const bytes = [...Buffer.from(text)];
  for (let i = next(3); i > 0; i--)
    bytes.splice(next(bytes.length), next(3), ...[next(256), next(256)].slice(next(3)));
  return Uint8Array.from(bytes);
}

/** "Bad input", at random: whatever comes is answered in time, without a 5xx; what was not acknowledged is not stored. */
export function fuzz(target: () => TestBus): void {
  test(`${CASES} messages of all sorts are answered, and only acknowledged ones are stored`, async () => {
    const next = random(SEED);
    const before = stored(target());
    let events = 0;
    for (let done = 0; done < CASES; done += AT_ONCE) {
      const bodies = Array.from({ length: AT_ONCE }, () => {
        const text = JSON.stringify(message(next));
        return next(4) === 0 ? damaged(next, text) : text;
      });
      events += (await Promise.all(bodies.map(answered))).reduce((sum, made) => sum + made, 0);
    }
    expect(stored(target()).events - before.events).toBe(events);
    expect(stored(target()).webhooks).toBe(before.webhooks);
  });

  /** How many events an answer says were made. */
  async function answered(body: string | Uint8Array): Promise<number> {
    const began = performance.now();
    const answer = await rpc(target().url, body);
    const shown = Buffer.from(body as string).toString("latin1");
    expect([shown, [200, 202, 400].includes(answer.status)]).toEqual([shown, true]);
    expect(performance.now() - began).toBeLessThan(SLOWEST_MS);
    expect([shown, answer.text.includes("unexpected")]).toEqual([shown, false]);
    return eventsMade(answer);
  }

  function eventsMade({ message }: RpcAnswer): number {
    const made = message?.result?.structuredContent ?? {};
    if (made.event_id !== undefined) return 1;
    return made.resumed === false || (made.success === true && made.active_sessions !== undefined) ? 1 : 0;
  }
}
