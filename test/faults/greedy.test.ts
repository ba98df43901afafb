import { afterAll, expect, test } from "bun:test";
import { join } from "node:path";
import type { Scope } from "../../src/domain/caller.ts";
import { type ProcessBus, startBus } from "../support/bus.ts";
import { tokenFor } from "../support/callers.ts";
import { cpuMs, rssMib } from "../support/process.ts";
import { rpcTool } from "../support/rpc.ts";
import { eventually, percentile } from "../support/webhook.ts";

/** How long each abuse lasts, s: longer than its burst, and enough calls for a steady p99. */
const ABUSE_S = Number(process.env.GREEDY_SECONDS ?? 15);
/** Between two calls of a local program. At this pace an abuse sees about 2,500 of them. */
const PAUSE_MS = 8;
const P99_MS = 100;
/** A bus that keeps 7 MiB more each second is above it at the end. */
const MOST_MIB = 190;
const BACK_MIB = 20;

const ABUSES: [abuse: string, scope: Scope][] = [
  ["dripping bodies", "publish"],
  ["bodies of 4 MB", "publish"],
  ["bodies of 4 MB that stop before their end", "publish"],
  ["many publishes", "publish"],
  ["large publishes", "publish"],
  ["waits", "read"],
  ["answers of 4 MB that are not read", "read"],
  ["many reads", "read"],
  ["large reads", "read"],
  ["lists of sessions", "read"],
];

interface Seen {
  times: number[];
  refused: string[];
  mostMib: number;
}

/** Three programs of this machine: one publishes, one waits for that, one reads. Their times in ms, and what was refused. */
async function callFor(bus: ProcessBus, seconds: number): Promise<Seen> {
  const seen: Seen = { times: [], refused: [], mostMib: 0 };
  const until = performance.now() + seconds * 1_000;
  const timed = async (name: string, args: object, counts = true) => {
    const began = performance.now();
    const { status, text, message } = await rpcTool(bus.url, name, args);
    if (counts) seen.times.push(performance.now() - began);
    if (status !== 200 || message?.result?.isError !== undefined || message?.error !== undefined)
      seen.refused.push(`${name}: ${status} ${text.slice(0, 200)}`);
  };
  const again = async (pause: number, call: () => Promise<void>) => {
    while (performance.now() < until) {
      await call();
      await Bun.sleep(pause);
    }
  };
  await Promise.all([
    again(PAUSE_MS, () => timed("publish_event", { event_type: "local", payload: "p", channel: "local" })),
    again(5, () => timed("get_events", { channel: "local", wait_seconds: 5 }, false)),
    again(PAUSE_MS, () => timed("get_events", { channel: "local", limit: 10 })),
    again(25, async () => {
      seen.mostMib = Math.max(seen.mostMib, rssMib(bus.process.pid));
    }),
  ]);
  return seen;
}

/** Begins an abuse in a process of its own; resolves when every connection was opened once. */
async function begin(bus: ProcessBus, abuse: string, token: string): Promise<() => Promise<void>> {
  const script = join(import.meta.dir, "../support/greedy.ts");
  const child = Bun.spawn(["nice", process.execPath, script, String(bus.port), token, abuse], {
    stdout: "pipe",
    stderr: "inherit",
  });
  afterAll(() => child.kill("SIGKILL"));
  for await (const _ of child.stdout) break;
  return async () => {
    child.kill("SIGKILL");
    await child.exited;
  };
}

test.skipIf(process.platform !== "linux").each(ABUSES)(
  "one token's %s refuse no local call, delay none for long, and fill no memory",
  async (abuse, scope) => {
    const [bus, control] = await Promise.all([startBus("binary"), startBus("binary")]);
    for (let i = 0; i < 20; i++)
      await bus.call("publish_event", { event_type: "t", payload: "x".repeat(100_000) });
    const before = rssMib(bus.process.pid);
    const cpu = cpuMs(bus.process.pid);
    const end = await begin(bus, abuse, tokenFor(bus.db, "greedy", scope));
    // The same calls of a bus that nobody abuses say what the machine itself is worth at this moment.
    const [seen, idle] = await Promise.all([callFor(bus, ABUSE_S), callFor(control, ABUSE_S)]);
    const busy = (cpuMs(bus.process.pid) - cpu) / ABUSE_S / 10;
    await end();
    const p99 = percentile(seen.times, 0.99);
    const floor = percentile(idle.times, 0.99);
    console.log(
      `${abuse}: ${seen.times.length} local calls, ${seen.refused.length} refused, p99 ${p99.toFixed(0)} ms (untouched bus ${floor.toFixed(0)}), RSS ${before.toFixed(0)} → ${seen.mostMib.toFixed(0)} MiB, bus ${busy.toFixed(0)} % of a processor`,
    );
    expect(seen.refused).toEqual([]);
    expect(p99).toBeLessThanOrEqual(P99_MS + 3 * floor);
    expect(seen.mostMib).toBeLessThanOrEqual(MOST_MIB);
    await eventually("memory is given back", () => rssMib(bus.process.pid) <= before + BACK_MIB, 90_000);
    await Promise.all([bus.stop(), control.stop()]);
  },
  (ABUSE_S + 120) * 1_000,
);
