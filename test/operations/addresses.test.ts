import { expect, test } from "bun:test";
import { fresh, join, stored } from "../support/agent.ts";
import { startHere } from "../support/bus.ts";
import { startClient } from "../support/client.ts";

const bus = await startHere();

const DEAD = ["killed", "unregistered"] as const;

const send = (to: string, more = {}) =>
  bus.call("publish_event", { event_type: "note", payload: "hi", channel: `session:${to}`, ...more });

/** A session that is gone, and whose id is `id`. */
async function dead(id: string, how: (typeof DEAD)[number]): Promise<string> {
  const client = await startClient(bus, { client_id: id, name: fresh("other"), repo: fresh("repo") });
  if (how === "killed") await client.kill();
  else await bus.call("unregister_session", { session_id: client.session_id });
  return client.session_id;
}

/** A live session that `x` means. */
async function living(x: string, as: "name" | "claim"): Promise<string> {
  if (as === "name") return (await startClient(bus, { name: x })).session_id;
  const holder = await startClient(bus, { name: fresh("holder") });
  await bus.server.store.sessions.claim(x, holder.session_id, undefined);
  return holder.session_id;
}

for (const how of DEAD)
  for (const as of ["name", "claim"] as const)
    test(`a ${how} session's id does not take the mail of a live session's ${as}`, async () => {
      const x = fresh("api");
      expect(await dead(x, how)).toBe(x);
      const id = await living(x, as);
      const sent = await send(x);
      expect(sent).toMatchObject({ channel: `session:${id}`, reach: "next_tool" });
      expect(sent.warning).toBeUndefined();
      expect(await bus.call("ask", { to: x, payload: "?", wait_seconds: 0 })).toMatchObject({
        channel: `session:${id}`,
      });
      const { sessions } = await bus.call("set_attention", { session: x });
      expect(sessions[0].session_id).toBe(id);
    });

test("a live session's name and another's id are refused with both, and each is reached by its display id", async () => {
  const x = fresh("api");
  const byId = await join(bus, { client_id: x });
  expect(byId.session_id).toBe(x);
  const byName = await join(bus, { name: x });
  const before = stored(bus);
  for (const refused of [
    await send(x),
    await bus.call("ask", { to: x, payload: "?", wait_seconds: 0 }),
    await bus.call("set_attention", { session: x, wake: "off" }),
  ]) {
    expect(refused.error).toContain(`Ambiguous session "${x}": 2 live sessions have that name or id.`);
    expect(refused.candidates.map((one: { session_id: string }) => one.session_id)).toEqual([
      x,
      byName.session_id,
    ]);
    expect(refused.hint).toBeString();
  }
  expect(stored(bus)).toEqual(before);
  for (const one of [byId, byName])
    expect((await send(one.display_id)).channel).toBe(`session:${one.session_id}`);
  // One of them leaves, and the word means the other.
  await bus.call("unregister_session", { session_id: x });
  expect((await send(x)).channel).toBe(`session:${byName.session_id}`);
});

test("a session whose name is its own id is one session", async () => {
  const x = fresh("api");
  await join(bus, { client_id: x, name: x });
  expect((await send(x)).channel).toBe(`session:${x}`);
});

test("an answer goes to the session that asked, whatever others are called", async () => {
  const asker = await join(bus, { client_id: fresh("asker") });
  await join(bus, { name: asker.session_id });
  const { event_id } = await bus.call("publish_event", {
    ...{ event_type: "question", payload: "?", session_id: asker.session_id },
  });
  const answer = await bus.call("reply", { event_id, payload: "yes" });
  expect(answer).toMatchObject({ channel: `session:${asker.session_id}`, to: asker.name });
});

test("a client_id that is a session's display id makes no session of that id", async () => {
  const { display_id, session_id } = await join(bus);
  const other = await join(bus, { client_id: display_id });
  expect(other.session_id).not.toBe(display_id);
  expect((await send(display_id)).channel).toBe(`session:${session_id}`);
  expect((await join(bus, { client_id: display_id })).session_id).toBe(other.session_id);
});

test.each(["name", "title"])("mail waits for the one gone session of a %s", async (by) => {
  const x = fresh("api");
  const gone = await startClient(bus, {
    name: by === "name" ? x : fresh(),
    ...(by === "title" && { title: x }),
  });
  await gone.kill();
  const sent = await send(x);
  expect(sent.channel).toBe(`session:${gone.session_id}`);
  expect(sent.warning).toContain("is stored, but is not delivered until the session comes back.");
  const again = await startClient(bus, { client_id: gone.client_id, name: x });
  expect(again.session_id).toBe(gone.session_id);
  await again.hook("prompt", { client_id: gone.client_id });
  expect(again.shown.map(({ id }) => id)).toEqual([sent.event_id]);
});

test("a name that several gone sessions had means none of them, nor does that of an unregistered one", async () => {
  const x = fresh("api");
  for (const repo of ["one", "two"]) await (await startClient(bus, { name: x, repo })).kill();
  const left = fresh("left");
  const { session_id } = await join(bus, { name: left });
  await bus.call("unregister_session", { session_id });
  for (const name of [x, left]) {
    const sent = await send(name);
    expect(sent.channel).toBe(`session:${name}`);
    expect(sent.warning).toContain(`No session has the id, display_id or name "${name}".`);
  }
});

test("a gone session of that name comes before an unregistered one of that id", async () => {
  const x = fresh("api");
  await dead(x, "unregistered");
  const gone = await startClient(bus, { name: x });
  await gone.kill();
  expect((await send(x)).channel).toBe(`session:${gone.session_id}`);
});
