import type { Figure } from "../figure.ts";
import { digits } from "../figure.ts";
import type { Kind, MixedResult } from "../load/mixed.ts";
import type { Row } from "../row.ts";

const KINDS: Record<Kind, string> = {
  publish: "publish",
  poll: "get_events",
  wait: "publish to a waiting caller",
};

export const mixed: Row = {
  name: "mixed",
  async run(bench) {
    const bus = await bench.startBus();
    const ms = bench.quick ? 1_500 : 12_000;
    const load = await bench.load({ task: "mixed", port: bus.port, sessions: 30, pollers: 10, ms });
    await bus.stop();
    return figuresOf(load);
  },
};

function figuresOf({ idle, busy, health, own }: MixedResult): Figure[] {
  const who = "30 sessions at 1 publish/s, 10 pollers at 10/s, 30 waiters";
  const calls = (Object.keys(KINDS) as Kind[]).map(
    (kind): Figure => ({
      what: `mixed load, ${KINDS[kind]}: p99`,
      unit: "ms",
      ours: busy[kind].p99,
      floor: idle[kind],
      floorIs: "idle p50",
      target: { of: "ratio", most: 20 },
      ...(kind === "publish" && { note: who }),
    }),
  );
  return [
    ...calls,
    {
      what: "mixed load, event loop blocked: longest /health",
      unit: "ms",
      ours: health.most,
      floor: undefined,
      floorIs: "",
      target: { of: "ours", most: 50 },
      note: `the generator itself was late by up to ${digits(own.most)} ms`,
    },
  ];
}
