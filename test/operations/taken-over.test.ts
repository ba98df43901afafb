import { expect, test } from "bun:test";
import { processStart } from "../../src/lib/process.ts";
import { fresh } from "../support/agent.ts";
import { startHere } from "../support/bus.ts";
import { sleeper } from "../support/client.ts";

const bus = await startHere();

// biome-ignore lint/suspicious/noExplicitAny: tests look into it
const start = (client_id: string, pid: number): Promise<any> =>
  bus.call("start_session", {
    client_id,
    name: client_id,
    cwd: "/",
    repo: "r",
    pid,
    pid_started: processStart(pid),
  });
const send = (id: string, payload: string) =>
  bus.call("publish_event", { event_type: "n", payload, channel: `session:${id}` });
const unread = async (client_id: string) =>
  (await bus.call("collect_events", { client_id, path: "prompt" })).events.map(
    (event: { payload: string }) => event.payload,
  );

async function ended(process: Bun.Subprocess): Promise<void> {
  process.kill("SIGKILL");
  await process.exited;
}

test("a client that resumes an earlier conversation within its process takes that one's unread mail and its id along", async () => {
  const [one, two] = [sleeper(), sleeper()];
  const [before, earlier] = [fresh(), fresh()];
  const own = await start(before, one.pid);
  await start(earlier, two.pid);
  await send(earlier, "unread");
  await ended(two);
  expect((await start(earlier, one.pid)).session_id).toBe(own.session_id);
  expect(await send(earlier, "to the earlier id")).toMatchObject({
    channel: `session:${own.session_id}`,
    reach: "next_tool",
  });
  await send(before, "to its own id");
  expect(await unread(earlier)).toEqual(["unread", "to the earlier id", "to its own id"]);
  expect(
    (await bus.call("list_sessions")).result.map((session: { session_id: string }) => session.session_id),
  ).toEqual([own.session_id]);
});

test("a conversation that lives in another process as well keeps its id and its mail", async () => {
  const [one, two] = [sleeper(), sleeper()];
  const [before, shared] = [fresh(), fresh()];
  await start(before, one.pid);
  await start(shared, two.pid);
  await send(shared, "unread");
  await start(shared, one.pid);
  expect((await send(shared, "more")).channel).toBe(`session:${shared}`);
});

test("a conversation that goes on by itself again has its id back", async () => {
  const [one, two] = [sleeper(), sleeper()];
  const [before, earlier, later] = [fresh(), fresh(), fresh()];
  await start(before, one.pid);
  await start(earlier, two.pid);
  await ended(two);
  await start(earlier, one.pid);
  await start(later, one.pid);
  const again = await start(earlier, sleeper().pid);
  expect(again.session_id).toBe(earlier);
  expect((await send(earlier, "x")).channel).toBe(`session:${earlier}`);
  expect((await send(before, "x")).channel).toBe(`session:${before}`);
  expect((await send(later, "x")).channel).toBe(`session:${before}`);
});
