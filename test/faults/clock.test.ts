import { Database } from "bun:sqlite";
import { afterAll, beforeAll, expect, test } from "bun:test";
import { openTokens } from "../../src/tokens/token_files.ts";
import { join, publish, resume } from "../support/agent.ts";
import { type HereOptions, silent, startHere, type TestBus } from "../support/bus.ts";
import { tempFolder } from "../support/folder.ts";
import { rpc } from "../support/rpc.ts";
import { lockElsewhere } from "../support/serve.ts";
import { aStore, MINUTE, secretOf } from "../support/tokens.ts";
import { eventually, HOUR, jumpsInWords, TestClock } from "../support/webhook.ts";

const DAY = 24 * HOUR;

beforeAll(() => void TestClock.jumps.splice(0));
afterAll(() =>
  console.log(`clock: ${jumpsInWords()}; no session expired, no id out of order, no limit stuck`),
);

async function busWith(options: HereOptions = {}): Promise<{ bus: TestBus; clock: TestClock }> {
  const clock = new TestClock();
  return { bus: await startHere({ now: clock.wall, clock, ...options }), clock };
}

// biome-ignore lint/suspicious/noExplicitAny: tests look into it
async function present(bus: TestBus): Promise<any[]> {
  return (await bus.call("list_sessions")).result;
}

async function ids(bus: TestBus): Promise<string[]> {
  return (await present(bus)).map((session) => session.session_id).sort();
}

async function three(bus: TestBus): Promise<string[]> {
  const joined: string[] = [];
  for (let i = 0; i < 3; i++) joined.push((await join(bus)).session_id);
  return joined.sort();
}

for (const days of [1, 400])
  test(`a clock set back by ${days} days and right again later expires no session and makes no age negative`, async () => {
    const { bus, clock } = await busWith();
    const sessions = await three(bus);
    const [{ last_heartbeat }] = (await present(bus)) as [{ last_heartbeat: string }];
    clock.jump(-days * DAY);
    expect(await ids(bus)).toEqual(sessions);
    for (const session_id of sessions) await publish(bus, "x", { session_id });
    await publish(bus, "the write after it");
    for (const { age_seconds, last_heartbeat: now } of await present(bus))
      expect([age_seconds, now]).toEqual([0, last_heartbeat]);
    clock.pass(HOUR);
    clock.jump(days * DAY);
    expect(await ids(bus)).toEqual(sessions);
    for (const session_id of sessions) await publish(bus, "x", { session_id });
    await publish(bus, "the write after it");
    const refreshed = new Date(clock.wall()).toISOString();
    for (const session of await present(bus)) expect(session.last_heartbeat).toBe(refreshed);
    clock.pass(DAY);
    expect(await ids(bus)).toEqual([]);
  });

test("a clock that was a day ahead for a while leaves the sessions that were live before", async () => {
  const { bus, clock } = await busWith();
  const sessions = await three(bus);
  clock.jump(DAY);
  expect(await ids(bus)).toEqual([]);
  await publish(bus, "x", { session_id: sessions[0] });
  await publish(bus, "the write after it");
  expect(await ids(bus)).toEqual([sessions[0] as string]);
  clock.jump(-DAY);
  expect(await ids(bus)).toEqual(sessions);
  expect(await join(bus, { client_id: sessions[1] })).toMatchObject({ resumed: true, active_sessions: 3 });
});

test("a heartbeat from a clock that was years ahead counts as now, and then ages like any other", async () => {
  const { bus, clock } = await busWith();
  clock.jump(1_500 * DAY);
  const sessions = await three(bus);
  const far = { client_id: "far", machine: "elsewhere", name: "far", cwd: "/", repo: "r" };
  await bus.call("start_session", far);
  clock.jump(-1_500 * DAY);
  expect(await ids(bus)).toEqual([...sessions, "far"].sort());
  // One of them is heard of now and then.
  for (let hour = 0; hour < 24; hour++) {
    clock.pass(HOUR);
    await publish(bus, "x", { session_id: sessions[0] });
    await present(bus);
  }
  expect(await ids(bus)).toEqual([...sessions, "far"].sort());
  clock.pass(HOUR);
  expect(await ids(bus)).toEqual(sessions);
  clock.pass(22 * HOUR);
  expect(await ids(bus)).toEqual(sessions);
  await publish(bus, "x", { session_id: sessions[0] });
  await publish(bus, "the write after it");
  clock.pass(HOUR);
  expect(await ids(bus)).toEqual([`${sessions[0]}`]);
});

test("a stored heartbeat of the future counts as now from the start of the bus on", async () => {
  const folder = tempFolder();
  const first = await busWith({ folder });
  const { session_id } = await join(first.bus);
  await first.bus.stop();
  const db = new Database(first.bus.db);
  db.run("UPDATE sessions SET last_heartbeat = '2031-01-01T00:00:00.000+00:00'");
  db.close();
  const { bus, clock } = await busWith({ folder });
  expect(await ids(bus)).toEqual([session_id]);
  clock.pass(DAY - 1);
  expect(await ids(bus)).toEqual([session_id]);
  clock.pass(1);
  expect(await ids(bus)).toEqual([]);
  expect(await join(bus, { client_id: session_id })).toMatchObject({ session_id });
});

test("ids, cursors and waiting calls go on through every jump and a restart", async () => {
  const folder = tempFolder();
  const { bus, clock } = await busWith({ folder });
  const { session_id } = await join(bus);
  const published: number[] = [];
  for (const days of [0, 1, -2, 30, -60]) {
    clock.jump(days * DAY);
    const waiting = bus.call("get_events", { session_id, resume: true, wait_seconds: 30, order: "asc" });
    await Bun.sleep(20);
    published.push(await publish(bus, `${days}`));
    expect((await waiting).events.map((event: { id: number }) => event.id)).toEqual([published.at(-1)]);
  }
  await bus.stop();
  const earlier = new TestClock(clock.wall() - 30 * DAY);
  const again = await startHere({ now: earlier.wall, clock: earlier, folder });
  published.push(await publish(again, "after the restart"));
  expect(published).toEqual([...published].sort((a, b) => a - b));
  expect((await resume(again, session_id)).events).toMatchObject([{ id: published.at(-1) }]);
  expect(await ids(again)).toEqual([session_id]);
});

test("the hour that a summer time repeats, and the one that it leaves out, are hours like any other", async () => {
  const zone = process.env.TZ;
  process.env.TZ = "America/New_York";
  try {
    // 00:30 standing local time before each change; the local clock then reads 01:30 twice, or never 02:30.
    for (const start of ["2026-11-01T04:30:00Z", "2026-03-08T05:30:00Z"]) {
      const clock = new TestClock(Date.parse(start));
      const bus = await startHere({ now: clock.wall, clock });
      expect(new Date(start).getHours()).toBe(0);
      const { session_id } = await join(bus);
      const times: string[] = [];
      for (let hour = 0; hour < 4; hour++) {
        await publish(bus, "x");
        times.push((await bus.call("get_events", { limit: 1 })).events[0].timestamp);
        const [{ age_seconds }] = await present(bus);
        expect(age_seconds).toBe(hour * 3600);
        clock.pass(HOUR);
      }
      const wanted = [0, 1, 2, 3].map((hour) => new Date(Date.parse(start) + hour * HOUR).toISOString());
      expect(times).toEqual(wanted);
      clock.pass(20 * HOUR - 1);
      expect(await ids(bus)).toEqual([session_id]);
      clock.pass(1);
      expect(await ids(bus)).toEqual([]);
      await bus.stop();
    }
  } finally {
    if (zone === undefined) delete process.env.TZ;
    else process.env.TZ = zone;
  }
});

test("a token expires by the wall clock, and its uses are noted although that was set back", async () => {
  const { clock, db, another } = aStore();
  const steady = { now: 0 };
  const store = openTokens(
    db,
    () => clock.now,
    () => steady.now,
  );
  const secret = secretOf(store.create("laptop", "full", 12 * HOUR));
  const stateAfter = (ms: number) => {
    clock.now += ms;
    return store.find(secret)?.state;
  };
  // Each use is noted beside the call, and two that are under way could come in either order.
  const isNoted = () => another.list()[0]?.last_used_at === new Date(clock.now).toISOString();
  expect(stateAfter(HOUR)).toBe("valid");
  await eventually("the first use is noted", isNoted);
  expect([stateAfter(DAY), stateAfter(-DAY)]).toEqual(["expired", "valid"]);
  steady.now += MINUTE;
  expect(stateAfter(-DAY)).toBe("valid");
  await eventually("the use is noted", isNoted);
});

const REMOTE = { "x-forwarded-for": "100.64.0.7", "tailscale-user-login": "ann@example.com" };

test("a jump neither fills a publisher's bucket nor keeps it empty", async () => {
  const burst = 50;
  const env = {
    AGENT_EVENT_BUS_LIMIT_PUBLISH_PER_SECOND: "1",
    AGENT_EVENT_BUS_LIMIT_PUBLISH_BURST: `${burst}`,
  };
  const { bus, clock } = await busWith({ env });
  const params = { name: "publish_event", arguments: { event_type: "note", payload: "x" } };
  const call = { jsonrpc: "2.0", id: 1, method: "tools/call", params };
  const accepted = async () => (await rpc(bus.url, call, REMOTE)).status === 200;
  const untilRefused = async () => {
    let count = 0;
    while (await accepted()) count++;
    return count;
  };
  expect(await untilRefused()).toBeGreaterThanOrEqual(burst);
  for (const jump of [DAY, -2 * DAY]) {
    clock.jump(jump);
    expect(await untilRefused()).toBeLessThan(burst);
    await eventually("one more is taken", accepted);
  }
});

test("who knocks again and again is logged once, although the clock jumps a day in between", async () => {
  const warnings: string[] = [];
  const { bus, clock } = await busWith({ log: { ...silent, warn: (line) => warnings.push(line) } });
  for (const jump of [0, DAY, -2 * DAY]) {
    if (jump !== 0) clock.jump(jump);
    await rpc(bus.url, "{}", { authorization: "Bearer wrong" });
  }
  expect(warnings).toHaveLength(1);
});

test("a write waits for a locked database as long as ever, though the clock jumps meanwhile", async () => {
  const { bus, clock } = await busWith();
  await publish(bus);
  for (const [jump, held] of [
    [DAY, 1_500],
    [-2 * DAY, 0],
  ] as const) {
    const lock = await lockElsewhere(bus.db);
    const waiting = bus.call("publish_event", { event_type: "t", payload: "x" });
    await Bun.sleep(500);
    clock.jump(jump);
    if (held > 0) {
      await Bun.sleep(held);
      await lock.release();
      expect(await waiting).toHaveProperty("event_id");
    } else {
      // Its ten seconds pass as they would have.
      expect(await waiting).toBeUndefined();
      await lock.release();
    }
  }
  await publish(bus);
}, 60_000);
