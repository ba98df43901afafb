import type { TestBus } from "../support/bus.ts";

const CALL =
  /get_events\(channel="([^"]+)", cursor="(\d+)", limit=(\d+), order="asc"(?:, min_level="(\w+)")?\)/g;

/** The ids that the calls of a digest return, made exactly as the text says. */
export async function readsIn(bus: TestBus, text: string): Promise<number[]> {
  const ids: number[] = [];
  for (const [, channel, cursor, limit, min_level] of text.matchAll(CALL)) {
    const { events } = await bus.call("get_events", {
      ...{ channel, cursor, limit: Number(limit), order: "asc" },
      ...(min_level !== undefined && { min_level }),
    });
    ids.push(...events.map(({ id }: { id: number }) => id));
  }
  return ids.toSorted((a, b) => a - b);
}
