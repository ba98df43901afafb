import { expect, test } from "bun:test";
import { processStart } from "../../../src/lib/process.ts";
import { hookOperations } from "../../../src/operations/hooks/index.ts";
import { operations } from "../../../src/operations/index.ts";
import { fresh } from "../../support/agent.ts";
import { startHere } from "../../support/bus.ts";

const served = [...operations, ...hookOperations];

/** What a client's hook tells at its start; this process stands for the client. */
function started(client_id: string, more: object = {}): object {
  return {
    client_id,
    name: "folder",
    cwd: "/home/me/folder",
    repo: "folder",
    pid: process.pid,
    pid_started: processStart(process.pid),
    ...more,
  };
}

test("a session that its agent registered too is still the client's: its next id goes on with it", async () => {
  const bus = await startHere({ operations: served });
  const [first, second] = [fresh("client"), fresh("client")];
  await bus.call("start_session", started(first));
  await bus.call("register_session", { name: "api", client_id: first, cwd: "/home/me/folder" });
  const { result } = await bus.call("list_sessions");
  expect(result).toMatchObject([{ session_id: first, name: "api", state: "busy", reach: "next_tool" }]);
  expect(await bus.call("start_session", started(second))).toMatchObject({
    session_id: first,
    resumed: true,
    other_sessions: 0,
  });
});

test("an agent that registers after its client's end is not tied to that process", async () => {
  const bus = await startHere({ operations: served });
  const client_id = fresh("client");
  const client = Bun.spawn(["sleep", "60"]);
  const gone = { pid: client.pid, pid_started: processStart(client.pid) };
  await bus.call("start_session", started(client_id, gone));
  client.kill();
  await client.exited;
  expect((await bus.call("list_sessions")).result).toEqual([]);
  await bus.call("register_session", { name: "api", client_id });
  const { result } = await bus.call("list_sessions");
  expect(result).toMatchObject([{ session_id: client_id, state: null, reach: "polls_only" }]);
});

test.each<[what: string, more: object, name: string]>([
  ["a folder does not rename a session", {}, "api"],
  ["another folder does not either", { name: "elsewhere" }, "api"],
  ["a title from its person does", { title: "billing" }, "billing"],
])("when a client starts over, %s", async (_what, more, name) => {
  const bus = await startHere({ operations: served });
  const client_id = fresh("client");
  await bus.call("start_session", started(client_id));
  await bus.call("register_session", { name: "api", client_id });
  for (const id of [client_id, fresh("client")])
    expect(await bus.call("start_session", started(id, more))).toMatchObject({ session_id: client_id, name });
});
