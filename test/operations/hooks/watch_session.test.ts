import { expect, test } from "bun:test";
import { fresh } from "../../support/agent.ts";
import { startHere } from "../../support/bus.ts";

interface Told {
  cursor: string;
  push?: "hand_over" | "digest";
  muted: boolean;
}

/** A session whose mod is played by its calls, at a bus of its own. */
async function newSession() {
  const bus = await startHere();
  const client = { client_id: fresh("client") };
  const place = { name: "a", cwd: "/a", repo: fresh("repo") };
  const { session_id } = await bus.call("start_session", { ...client, ...place });
  return {
    session_id,
    repo: place.repo,
    watch: (cursor?: string, wait_seconds = 20): Promise<Told> =>
      bus.call("watch_session", { ...client, wait_seconds, ...(cursor !== undefined && { cursor }) }),
    mute: () => bus.call("set_attention", { session: session_id, mute_seconds: 3_600 }),
    tell: (
      channel = `session:${session_id}`,
      signal_level = "actionable",
    ): Promise<{ event_id: number; reach: string }> =>
      bus.call("publish_event", { event_type: "note", payload: "hello", channel, signal_level }),
    collect: (path: string) => bus.call("collect_events", { ...client, path, digests: true }),
  };
}

test("a caller that does not say from where on is told at once that something may wait", async () => {
  const { watch } = await newSession();
  expect(await watch()).toMatchObject({ push: "hand_over", muted: false });
});

test("a caller that knows more than the bus is told the same, and goes on from what the bus knows", async () => {
  const { watch } = await newSession();
  const { cursor } = await watch();
  expect(await watch(String(Number(cursor) + 1_000))).toMatchObject({ push: "hand_over", cursor });
});

test("without news the answer says so when its time is up, and where to go on", async () => {
  const { watch } = await newSession();
  const { cursor } = await watch();
  const told = await watch(cursor, 0);
  expect(told).toMatchObject({ muted: false });
  expect(told.push).toBeUndefined();
  expect(Number(told.cursor)).toBeGreaterThanOrEqual(Number(cursor));
});

test.each([
  ["a direct message", "hand_over", "session", "actionable"],
  ["a failure in its repository", "hand_over", "repo", "actionable"],
  ["a note to all", "digest", "all", "info"],
] as const)("%s that comes during the wait ends it: %s", async (_, push, to, level) => {
  const { watch, tell, session_id, repo } = await newSession();
  const { cursor } = await watch();
  const waiting = watch(cursor);
  await tell({ session: `session:${session_id}`, repo: `repo:${repo}`, all: "all" }[to], level);
  expect(await waiting).toMatchObject({ push });
});

test("an event between two calls ends the next one at once", async () => {
  const { watch, tell } = await newSession();
  const { cursor } = await watch();
  const { event_id } = await tell();
  expect(await watch(cursor)).toMatchObject({ push: "hand_over", cursor: String(event_id) });
});

test("watching takes nothing, and does not make the session reachable", async () => {
  const { watch, tell, collect } = await newSession();
  const { cursor } = await watch();
  const waiting = watch(cursor);
  const { event_id, reach } = await tell();
  expect(reach).toBe("next_tool");
  await waiting;
  expect((await collect("tool")).events).toMatchObject([{ id: event_id }]);
});

test("a muted session is told of what will wait, and that it is muted", async () => {
  const { watch, tell, mute } = await newSession();
  const { cursor } = await watch();
  await mute();
  await tell();
  expect(await watch(cursor)).toMatchObject({ push: "hand_over", muted: true });
});

test("a session that the bus does not know is told so", async () => {
  const bus = await startHere();
  expect(await bus.call("watch_session", { client_id: fresh("nobody") })).toEqual({ unknown: true });
});
