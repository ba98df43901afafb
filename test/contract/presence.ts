import { expect, test } from "bun:test";
import { fresh, join, publish, resume, savedCursor } from "../support/agent.ts";
import type { TestBus } from "../support/bus.ts";

/** How a session shows and is called: what list_sessions tells of its hooks and mail, and names. */
export function presence(target: () => TestBus): void {
  test("list_sessions shows what its hooks tell of a session, its unread messages and the names it claimed", async () => {
    const client_id = fresh("hooked");
    const hook = { client_id, machine: "laptop", name: client_id, cwd: "/x/proj", repo: "proj" };
    await target().call("start_session", hook);
    await target().call("register_session", { name: client_id, client_id, machine: "laptop", claim: true });
    const shown = async () => (await sessionsOf(target())).find((each) => each.session_id === client_id);
    await target().call("collect_events", { ...hook, path: "prompt" });
    const fields = { state: "busy", reach: "next_tool", unread: 0, claims: [client_id] };
    expect(await shown()).toMatchObject(fields);
    await publish(target(), "direct", { channel: `@${client_id}` });
    await publish(target(), "for all");
    expect(await shown()).toMatchObject({ ...fields, unread: 1 });
    await target().call("collect_events", { ...hook, path: "stop" });
    const idle = { ...fields, state: "idle", reach: "next_prompt" };
    expect(await shown()).toMatchObject({ ...idle, unread: 1 });
    const elsewhere = { session_id: client_id, channel: "of-nobody", wait_seconds: 60 };
    const other = target().call("get_events", elsewhere);
    const { next_cursor: cursor } = await target().call("get_events", { limit: 1 });
    const waiting = target().call("get_events", { session_id: client_id, cursor, wait_seconds: 60 });
    while ((await shown()).reach !== "wakes") await Bun.sleep(5);
    await publish(target(), "for whoever waits");
    await waiting;
    // The other call goes on, but no message ends it.
    expect((await shown()).reach).toBe("next_prompt");
    await publish(target(), "the end", { channel: "of-nobody" });
    await other;
  });

  test("a hook that tells late what was shown does not move the cursor back", async () => {
    const { session_id } = await join(target());
    const hook = { client_id: session_id, path: "prompt" };
    const first = await publish(target(), "for the user", { channel: `session:${session_id}` });
    const { events, cursor } = await target().call("collect_events", hook);
    expect(events.map(({ id }: { id: number }) => id)).toEqual([first]);
    const last = await publish(target());
    await resume(target(), session_id);
    expect(await savedCursor(target(), session_id)).toBe(String(last));
    // Several at once: each looked at the cursor before another one moved it.
    const shown = { client_id: session_id, event_ids: [String(first)] };
    const cursors = [last, cursor, last - 1, cursor].map(String);
    await Promise.all(cursors.map((one) => target().call("confirm_events", { ...shown, cursor: one })));
    expect(await savedCursor(target(), session_id)).toBe(String(last));
  });

  test("of confirmations at the same time the furthest counts, in whatever order they come", async () => {
    const { session_id } = await join(target());
    const ids = [await publish(target()), await publish(target()), await publish(target())];
    const confirm = (id: number) =>
      target().call("confirm_events", { client_id: session_id, event_ids: [], cursor: String(id) });
    await Promise.all(ids.toReversed().map(confirm));
    expect(await savedCursor(target(), session_id)).toBe(String(ids.at(-1)));
  });

  test("names of live sessions are unique on a machine in a repository: a later one gets a number and is told", async () => {
    const name = fresh("name");
    const enter = (more = {}) => join(target(), { name, machine: "laptop", repo: "proj", ...more });
    const [first, second, third] = [await enter(), await enter(), await enter()];
    expect([first.name, second.name, third.name]).toEqual([name, `${name}-2`, `${name}-3`]);
    expect(first).not.toHaveProperty("warning");
    const told = `Another live session in this repository is called ${name}, so your name is ${name}-2.`;
    expect(second.warning).toBe(told);
    for (const more of [{ machine: "other" }, { repo: "other" }]) expect((await enter(more)).name).toBe(name);
    const again = await enter({ client_id: second.session_id });
    expect(again).toMatchObject({ session_id: second.session_id, resumed: true, name: `${name}-2` });
    await target().call("unregister_session", { session_id: first.session_id });
    expect((await enter({ client_id: second.session_id })).name).toBe(name);
  });
}

// biome-ignore lint/suspicious/noExplicitAny: tests look into it
async function sessionsOf(bus: TestBus): Promise<any[]> {
  return (await bus.call("list_sessions")).result;
}
