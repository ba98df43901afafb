// Two compiled buses on one PostgreSQL: what a client does at one holds at the other.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { fresh } from "../support/agent.ts";
import { startBus, type TestBus } from "../support/bus.ts";
import { bearer } from "../support/callers.ts";
import { cli } from "../support/cli.ts";
import { sleeper } from "../support/client.ts";
import { removeFolders } from "../support/folder.ts";
import { inboxOf, listen, listenRequest } from "../support/listening.ts";
import { freePort } from "../support/port.ts";
import { noPostgres, onServer, type Server, startPostgres } from "../support/postgres.ts";
import { rpc, rpcTool } from "../support/rpc.ts";
import { ask, codeOf, exchange, halvesOf, type PageHeaders } from "../support/signed_in.ts";
import { eventually } from "../support/webhook.ts";

let server: Server;
let url: string;
let here: TestBus;
let there: TestBus;
const stops: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  if (noPostgres !== null) return;
  server = await startPostgres(await freePort());
  url = await server.database();
  const start = async () => {
    const bus = await startBus("binary", { db: null, outlives: true, env: { AGENT_EVENT_BUS_DB: url } });
    stops.push(() => bus.kill());
    return bus;
  };
  [here, there] = [await start(), await start()];
  await eventually("each knows the other", async () => {
    const { stdout } = await cli(["check", "--db", url]);
    return stdout.includes(`:${here.port}`) && stdout.includes(`:${there.port}`);
  });
});

afterAll(async () => {
  for (const stop of stops) await stop();
  await server?.kill();
  removeFolders();
});

/** A session of a living process, registered at one bus. */
async function session(at: TestBus = here) {
  const client = { client_id: fresh("client"), pid: sleeper().pid };
  const { session_id } = await at.call("start_session", {
    ...client,
    name: fresh("a"),
    cwd: "/a",
    repo: "a",
  });
  return { client, session_id: String(session_id) };
}

async function token(name: string, scope = "full"): Promise<string> {
  const made = await cli(["token", "create", "--name", name, "--scope", scope, "--db", url, "--json"]);
  return made.json().token;
}

async function reachAt(bus: TestBus, session_id: string): Promise<string> {
  const { result } = await bus.call("list_sessions");
  return result.find((one: { session_id: string }) => one.session_id === session_id).reach;
}

describe.skipIf(noPostgres !== null)("two buses", () => {
  test("a token counts at both at once, and at neither once it is revoked", async () => {
    const secret = bearer(await token("laptop"));
    for (const bus of [here, there])
      expect((await ask(bus, "/api/list_sessions", secret, {})).status).toBe(200);
    const listed = await cli(["token", "list", "--db", url, "--json"]);
    expect(listed.json()).toMatchObject([{ name: "laptop", state: "valid" }]);
    expect((await cli(["token", "revoke", "laptop", "--db", url])).code).toBe(0);
    const began = performance.now();
    for (const bus of [here, there])
      await eventually("the token is refused", async () => {
        return (await ask(bus, "/api/list_sessions", secret, {})).status === 401;
      });
    console.log(`revoked at both after ${Math.round(performance.now() - began)} ms`);
  });

  test("a waiter at one is known at the other, wakes by a message of it, and ends by a hook there", async () => {
    const { client, session_id } = await session();
    const wait = () => there.call("collect_events", { ...client, path: "wake", wait_seconds: 60 });
    const woken = wait();
    await eventually("the other knows it", async () => (await reachAt(here, session_id)) === "wakes");
    const message = { event_type: "question", payload: "x", channel: `session:${session_id}` };
    const sent = await here.call("publish_event", message);
    expect((await woken).events).toMatchObject([{ id: sent.event_id }]);
    await here.call("confirm_events", { ...client, event_ids: [String(sent.event_id)], path: "wake" });
    await eventually("it has ended", async () => (await reachAt(here, session_id)) !== "wakes");
    const left = wait();
    await eventually("the other knows it", async () => (await reachAt(here, session_id)) === "wakes");
    await here.call("collect_events", { ...client, path: "prompt", limit: 20 });
    expect(await left).toMatchObject({ left: true });
  });

  test("a client that listens at one is told of a message of the other", async () => {
    const { session_id } = await session();
    const uri = inboxOf(session_id);
    const stream = await listen(there.url, listenRequest([uri]));
    await stream.until(() => stream.messages().length > 0);
    await here.call("publish_event", { event_type: "note", payload: "x", channel: `session:${session_id}` });
    await stream.until(() => stream.messages().length > 1);
    expect(stream.messages()[1].params).toMatchObject({ uri });
    stream.close();
  });

  test("a hook at one waits for the hand-over of the other, and what it waits too long for is marked", async () => {
    const { client, session_id } = await session();
    const message = { event_type: "note", payload: "x", channel: `session:${session_id}` };
    const collect = async (bus: TestBus): Promise<{ id: string; repeat?: true }[]> =>
      (await bus.call("collect_events", { ...client, path: "tool", limit: 20 })).events;
    for (let round = 0; round < 10; round++) {
      const { event_id } = await here.call("publish_event", message);
      const first = await collect(here);
      expect(first).toMatchObject([{ id: event_id }]);
      const second = collect(there);
      // By the other bus, as behind a proxy.
      await there.call("confirm_events", { ...client, event_ids: [String(event_id)], path: "tool" });
      // A loaded machine may take longer for the confirmation than a hook waits.
      expect((await second).filter(({ repeat }) => repeat !== true)).toEqual([]);
      await there.call("confirm_events", { ...client, event_ids: [], path: "tool" });
    }
  });

  test("a dialog that a hook holds at one stands at the other, and is answered there", async () => {
    const { client } = await session();
    const dialog = {
      key: fresh("key"),
      cwd: "/a",
      kind: "permission",
      text: "Bash: x",
      tool: "Bash",
      input: "{}",
    };
    const told = here.call("report_dialog", {
      ...{ ...client, ...dialog, branch: "main", open_ms: 10_000 },
      ...{ certain: true, answerable: true, wait_seconds: 60 },
    });
    const listed = async () => (await there.call("list_needs", {})).result[0];
    await eventually("the other shows it", async () => (await listed())?.connected === true);
    // Longer than a dialog lasts that nothing holds.
    await Bun.sleep(4_500);
    expect(await listed()).toMatchObject({ state: "open", connected: true });
    const page = await signedIn(here, there);
    const answered = await ask(there, "/api/answer", page, {
      need_id: (await listed()).need_id,
      words: ["allow"],
    });
    expect(answered.status).toBe(200);
    expect(await told).toMatchObject({ answer: expect.anything(), by: "person" });
  });

  test("a link of one signs in at the other, once", async () => {
    expect((await ask(there, "/api/list_needs", await signedIn(here, there), {})).status).toBe(200);
  });

  test("a call at one is cancelled at the other", async () => {
    const known = { "mcp-session-id": crypto.randomUUID() };
    const wait = { wait_seconds: 60, event_types: ["never"] };
    const call = rpcTool(here.url, "get_events", wait, known, 7);
    let isOver = false;
    call.then(() => {
      isOver = true;
    });
    const cancel = { jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: 7 } };
    await eventually("the call ends", async () => {
      expect((await rpc(there.url, cancel, known)).status).toBe(202);
      return isOver;
    });
    expect((await call).message).toBeUndefined();
  });

  test("after a crash of the server, which forgets what buses hold, they tell it again", async () => {
    const { client, session_id } = await session();
    const wait = there.call("collect_events", { ...client, path: "wake", wait_seconds: 60 });
    await eventually("the other knows it", async () => (await reachAt(here, session_id)) === "wakes");
    await server.kill();
    await server.start();
    await onServer(url, "DELETE FROM buses");
    const isKnown = async () => (await reachAt(here, session_id).catch(() => "")) === "wakes";
    await eventually("the other knows it again", isKnown, 30_000);
    const message = { event_type: "question", payload: "x", channel: `session:${session_id}` };
    await here.call("publish_event", message);
    expect((await wait).events).toHaveLength(1);
  });
});

/** The headers of a page that signed in at one bus with a link of another one. */
async function signedIn(maker: TestBus, taker: TestBus): Promise<PageHeaders> {
  const code = await codeOf(maker);
  const taken = await exchange(taker, code);
  for (const bus of [maker, taker]) expect((await exchange(bus, code)).status).toBe(401);
  return halvesOf(taken);
}
