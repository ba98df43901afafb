import { expect, test } from "bun:test";
import { type Engine, opened } from "../engine.ts";

/** The other buses of a database, and its one-time notes. */
export function peers(engine: Engine): void {
  test("a note is taken away once", async () => {
    const { peers } = await opened(engine.place());
    await peers.put("n", "first", 60_000);
    await peers.put("n", "second", 60_000);
    expect([await peers.pull("n"), await peers.pull("n")]).toEqual(["second", undefined]);
    expect(await peers.pull("other")).toBeUndefined();
  });

  test("a bus that is alone gets each lease, hears nothing of itself, and has no peer that holds", async () => {
    const { peers } = await opened(engine.place());
    const heard: unknown[] = [];
    peers.listen((word) => heard.push(word));
    peers.tell({ does: "refresh", key: "s" });
    peers.hold("k", "v");
    expect([await peers.take("l", 60_000), await peers.take("l", 60_000)]).toEqual([true, true]);
    await peers.give("l");
    expect([heard, peers.held("k")]).toEqual([[], []]);
  });
}
