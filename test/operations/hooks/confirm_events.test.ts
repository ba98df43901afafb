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
