import { expect, test } from "bun:test";
import { join, newest, payloads, publish, resume, stored } from "../support/agent.ts";
import type { TestBus } from "../support/bus.ts";

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

interface Left {
  session_id: string;
  refusal: Record<string, unknown>;
}

async function leave(bus: TestBus, more = {}): Promise<Left> {
  const { session_id, display_id } = await join(bus, more);
  await bus.call("unregister_session", { session_id });
  const refusal = {
    error: "Session deleted",
    session_deleted: true,
    session_id,
    display_id,
    deleted_at: expect.stringMatching(TIME),
    hint: expect.stringContaining("register_session"),
  };
  return { session_id, refusal };
}

/** WIRE.md 6. */
export function deleted(target: () => TestBus): void {
  test.each([
    ["a plain read", {}],
    ["a read with a cursor", { cursor: "1" }],
    ["a resume", { resume: true }],
    ["a peek", { resume: true, peek: true }],
    ["a narrowed read", { channel: "all" }],
    ["a read of nothing", { limit: 0 }],
    ["a waiting read", { resume: true, wait_seconds: 300 }],
  ])("get_events refuses %s", async (_, args) => {
    const { session_id, refusal } = await leave(target());
    expect(await target().call("get_events", { session_id, ...args })).toEqual(refusal);
  });

  test.each(["1", "0", "abc", "-1", "999999999"])("ack_events refuses the cursor %s", async (cursor) => {
    const { session_id, refusal } = await leave(target());
    const answer = await target().call("ack_events", { session_id, cursor, allow_rewind: true });
    expect(answer).toEqual(refusal);
  });

  test("publish_event stores the event under the old id, without an error", async () => {
    const { session_id, refusal } = await leave(target());
    const { error: _, ...flags } = refusal;
    const args = { event_type: "note", payload: "still said", session_id };
    const answer = await target().call("publish_event", args);
    const { session_id: __, ...plain } = args;
    expect(answer).toEqual({
      event_id: expect.any(Number),
      ...plain,
      channel: "all",
      signal_level: "info",
      ...flags,
    });
    expect(await newest(target())).toMatchObject({ id: answer.event_id, payload: "still said", session_id });
  });

  test("publishing does not bring a session back", async () => {
    const { session_id } = await leave(target());
    await publish(target(), "x", { session_id });
    const { result } = await target().call("list_sessions");
    expect(result.map((session: { session_id: string }) => session.session_id)).not.toContain(session_id);
  });

  test("unregister_session refuses a second time, with nothing left to do", async () => {
    const { session_id, refusal } = await leave(target());
    const before = stored(target());
    const again = { ...refusal, hint: expect.stringContaining("nothing is left to do") };
    expect(await target().call("unregister_session", { session_id })).toEqual(again);
    expect(await target().call("unregister_session", { client_id: session_id })).toEqual(again);
    expect(stored(target())).toEqual(before);
  });

  test("the hint names the client_id that revives, and following it does", async () => {
    const { session_id } = await leave(target(), { machine: "laptop" });
    await publish(target(), "missed");
    const { hint } = await resume(target(), session_id);
    expect(hint).toContain(`"${session_id}"`);
    expect(hint).toContain('"laptop"');
    await join(target(), { client_id: session_id, machine: "laptop" });
    const words = await payloads(resume(target(), session_id));
    expect(words.at(-1)).toBe("missed");
  });

  test("a session without a client_id is told to take a new id", async () => {
    const { session_id, refusal } = await leave(target(), { client_id: null });
    expect(await resume(target(), session_id)).toEqual(refusal);
  });
}
