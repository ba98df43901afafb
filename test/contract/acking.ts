import { expect, test } from "bun:test";
import { join, payloads, publish, resume, savedCursor } from "../support/agent.ts";
import type { TestBus } from "../support/bus.ts";

// biome-ignore lint/suspicious/noExplicitAny: tests look into it
function ack(bus: TestBus, session_id: string, cursor: unknown, more = {}): Promise<any> {
  return bus.call("ack_events", { session_id, cursor, ...more });
}

/** WIRE.md 5. */
export function acking(target: () => TestBus): void {
  test("an ack moves the saved cursor and tells both positions", async () => {
    const { session_id, cursor: previous_cursor } = await join(target());
    const seen = await publish(target(), "seen");
    await publish(target(), "unseen");
    const answer = await ack(target(), session_id, String(seen));
    expect(answer).toEqual({ success: true, session_id, cursor: String(seen), previous_cursor });
    expect(await payloads(resume(target(), session_id))).toEqual(["unseen"]);
  });

  test("the stored cursor is the canonical number", async () => {
    const { session_id } = await join(target());
    const tip = await publish(target());
    for (const cursor of [`000${tip}`, ` ${tip} `, tip]) {
      expect((await ack(target(), session_id, cursor)).cursor).toBe(String(tip));
      expect(await savedCursor(target(), session_id)).toBe(String(tip));
    }
  });

  for (const cursor of ["abc", "", " ", "1.5", "1e3", "0x1", "1 2", "٣", "9".repeat(30), "--1", 1.5])
    test(`the cursor ${JSON.stringify(cursor)} is refused: not a whole number`, async () => {
      const { session_id, cursor: saved } = await join(target());
      const answer = await ack(target(), session_id, cursor);
      expect(answer).toEqual({ error: expect.stringContaining("whole number"), session_id, cursor: saved });
      expect(await savedCursor(target(), session_id)).toBe(saved);
    });

  for (const cursor of ["-1", " -5 ", -1])
    test(`the cursor ${JSON.stringify(cursor)} is refused: negative`, async () => {
      const { session_id, cursor: saved } = await join(target());
      const answer = await ack(target(), session_id, cursor, { allow_rewind: true });
      expect(answer).toEqual({ error: expect.stringContaining("negative"), session_id, cursor: saved });
    });

  test("a cursor beyond the newest event is refused with the tip, also with allow_rewind", async () => {
    const { session_id, cursor: saved } = await join(target());
    const tip = await publish(target());
    for (const cursor of [String(tip + 1), "999999999", String(Number.MAX_SAFE_INTEGER)]) {
      const answer = await ack(target(), session_id, cursor, { allow_rewind: true });
      expect(answer).toEqual({
        error: expect.stringContaining("beyond"),
        session_id,
        cursor: saved,
        tip: String(tip),
      });
    }
    expect(await savedCursor(target(), session_id)).toBe(saved);
  });

  test("a cursor behind the saved one is refused, unless allow_rewind", async () => {
    const { session_id } = await join(target());
    await publish(target(), "again");
    const { next_cursor: saved } = await resume(target(), session_id);
    for (const cursor of ["0", String(Number(saved) - 1)]) {
      const answer = await ack(target(), session_id, cursor);
      expect(answer).toEqual({ error: expect.stringContaining("allow_rewind"), session_id, cursor: saved });
    }
    const rewound = await ack(target(), session_id, String(Number(saved) - 1), { allow_rewind: true });
    expect(rewound).toMatchObject({ success: true, previous_cursor: saved });
    expect(await payloads(resume(target(), session_id))).toEqual(["again"]);
  });

  test("the saved position itself may be acked again", async () => {
    const { session_id, cursor } = await join(target());
    const again = await ack(target(), session_id, cursor);
    expect(again).toEqual({ success: true, session_id, cursor, previous_cursor: cursor });
  });

  test("rewinding to 0 makes every event new", async () => {
    const { session_id } = await join(target());
    expect((await ack(target(), session_id, "0", { allow_rewind: true })).cursor).toBe("0");
    expect((await resume(target(), session_id, { limit: 1 })).events[0].id).toBe(1);
  });

  test("an unknown session is refused", async () => {
    const answer = await ack(target(), "nobody", "1");
    expect(answer).toEqual({ error: "Session not found", session_id: "nobody" });
  });
}
