import { expect, test } from "bun:test";
import { hookOperations } from "../../../src/operations/hooks/index.ts";
import { operations } from "../../../src/operations/index.ts";
import { fresh } from "../../support/agent.ts";
import { startHere } from "../../support/bus.ts";

test("to ask for the session's id takes no other hook's turn to hand over", async () => {
  const bus = await startHere({ operations: [...operations, ...hookOperations] });
  const client_id = fresh("client");
  await bus.call("start_session", { client_id, name: "a", cwd: "/a", repo: "a" });
  const message = { event_type: "note", payload: "x", channel: `session:${client_id}` };
  const { event_id } = await bus.call("publish_event", message);
  const first = await bus.call("collect_events", { client_id, path: "tool" });
  expect(first.events).toMatchObject([{ id: event_id }]);
  const next = bus.call("collect_events", { client_id, path: "tool" });
  const asked = await bus.call("confirm_events", { client_id, event_ids: [] });
  expect(asked).toMatchObject({ session_id: client_id });
  await bus.call("confirm_events", { client_id, event_ids: [String(event_id)], path: "tool" });
  expect((await next).events).toEqual([]);
});

/** A session, and its waiters, who are given what wakes it. */
async function waited() {
  const bus = await startHere({ operations: [...operations, ...hookOperations] });
  const client_id = fresh("client");
  await bus.call("start_session", { client_id, name: "a", cwd: "/a", repo: "a" });
  const tell = async (payload: string) => {
    const message = { event_type: "question", payload, channel: `session:${client_id}` };
    return String((await bus.call("publish_event", message)).event_id);
  };
  const wait = () => bus.call("collect_events", { client_id, path: "wake", wait_seconds: 60 });
  const confirm = (id: string) =>
    bus.call("confirm_events", { client_id, event_ids: [id], path: "wake", bytes: 1 });
  return { tell, wait, confirm };
}

/** Longer than hooks with a time limit wait for one another. */
const SLOWLY_MS = 600;

test("while a slow waiter has not confirmed a message yet, the session's next waiter is not given it", async () => {
  const { tell, wait, confirm } = await waited();
  const first = wait();
  const id = await tell("once");
  expect((await first).events).toMatchObject([{ payload: "once" }]);
  const second = wait();
  await Bun.sleep(SLOWLY_MS);
  await confirm(id);
  await tell("the next one");
  expect((await second).events).toMatchObject([{ payload: "the next one" }]);
});

test("a message whose waiter was killed before it confirmed goes to the next waiter, as a repeat", async () => {
  const { tell, wait } = await waited();
  const first = wait();
  await tell("not lost");
  await first;
  expect((await wait()).events).toMatchObject([{ payload: "not lost", repeat: true }]);
});
