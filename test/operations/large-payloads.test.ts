import { expect, test } from "bun:test";
import { limitVariable } from "../../src/config/server.ts";
import { join, publish } from "../support/agent.ts";
import { startHere } from "../support/bus.ts";

const bus = await startHere({ env: { [limitVariable("payload_bytes")]: "2000000" } });

test.each(["prompt", "tool"])(
  "a hook takes large payloads in parts that it has the time for, at least one each time: %s",
  async (path) => {
    const { session_id } = await join(bus);
    const to = { channel: `session:${session_id}` };
    const sizes = [500_000, 500_000, 500_000, 2_000_000, 500_000, 10];
    const ids: number[] = [];
    for (const size of sizes) ids.push(await publish(bus, "x".repeat(size), to));
    const taken: [events: number, more: number][] = [];
    const shown: number[] = [];
    for (let calls = 0; calls < 10 && shown.length < ids.length; calls++) {
      const { events, more, cursor } = await bus.call("collect_events", { client_id: session_id, path });
      taken.push([events.length, more]);
      const event_ids = events.map(({ id }: { id: number }) => String(id));
      expect(events.every(({ repeat }: { repeat?: true }) => repeat === undefined)).toBe(true);
      await bus.call("confirm_events", { client_id: session_id, event_ids, cursor });
      shown.push(...event_ids.map(Number));
    }
    expect(taken).toEqual([
      [2, 4],
      [1, 3],
      [1, 2],
      [2, 0],
    ]);
    expect(shown).toEqual(ids);
  },
);
