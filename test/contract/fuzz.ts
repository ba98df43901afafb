import { expect, test } from "bun:test";
import { stored } from "../support/agent.ts";
import type { TestBus } from "../support/bus.ts";
import { fuzz as run } from "../support/fuzz/run.ts";

const CASES = 1_500;
const SEED = 20_260_517;

/** "Bad input", at random: whatever comes gets the answer that is due, in time; what was not acknowledged is not stored. */
export function fuzz(target: () => TestBus): void {
  test(`${CASES} requests of all sorts are answered, and only acknowledged events are stored`, async () => {
    const before = stored(target());
    const { failures, events } = await run(target().port, SEED, { to: CASES });
    expect(failures).toEqual([]);
    expect(stored(target()).events - before.events).toBe(events);
    expect(stored(target()).webhooks).toBe(before.webhooks);
  });
}
