import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { fresh } from "../support/agent.ts";
import { startHere } from "../support/bus.ts";
import { bearer, servedTo, tokenFor } from "../support/callers.ts";
import { rpcTool } from "../support/rpc.ts";

type Headers = Record<string, string>;

const bus = await startHere();
const open = await startHere({ env: { AGENT_EVENT_BUS_AUTH_DISABLED: "1" } });
const LAPTOP = bearer(tokenFor(bus.db, "laptop"));
const DESKTOP = bearer(tokenFor(bus.db, "desktop"));
const ADA = servedTo("ada@example.com");
const STRANGER = { "x-forwarded-for": "10.0.0.9" };

/** A bus as one caller sees it. */
function as(headers: Headers, at = bus) {
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
  return async (tool: string, args: object): Promise<any> =>
    (await rpcTool(at.url, tool, args, headers)).message.result.structuredContent;
}

const on = (machine: string) => ({ machine, machine_id: `id-of-${machine}` });

function hookOf(call: ReturnType<typeof as>, client_id: string, machine: string) {
  const own = { client_id, ...on(machine) };
  return {
    start: () => call("start_session", { ...own, name: `of-${client_id}`, cwd: "/", repo: "r" }),
    end: async (session_id: string) => call("unregister_session", { session_id }),
    prompt: async () => {
      const { session_id, events, cursor } = await call("collect_events", { ...own, path: "prompt" });
      const event_ids = events.map(({ id }: { id: number }) => String(id));
      await call("confirm_events", { ...own, event_ids, cursor: String(cursor ?? 0) });
      return { session_id, texts: events.map(({ payload }: { payload: string }) => payload) };
    },
  };
}

const local = as({});
const send = (to: string, payload = "x", at = local) =>
  at("publish_event", { event_type: "n", payload, channel: `session:${to}` });

const PERSONS: [who: string, first: Headers, second: Headers, isProven: boolean][] = [
  ["the same login", ADA, ADA, true],
  ["the same token", LAPTOP, LAPTOP, true],
  ["local programs", {}, {}, true],
  ["two tokens", LAPTOP, DESKTOP, false],
  ["a token, then a login", LAPTOP, ADA, false],
  ["a local program, then a token", {}, LAPTOP, false],
];

for (const [who, first, second, isProven] of PERSONS)
  test(`a session that ${who} resume on another machine ${isProven ? "takes its mail along" : "leaves its mail there, and senders are told"}`, async () => {
    const id = fresh("conversation");
    const [one, two] = [hookOf(as(first), id, "one"), hookOf(as(second), id, "two")];
    const { session_id, display_id } = await one.start();
    expect(session_id).toBe(id);
    await as(first)("register_session", { name: `c-${id}`, client_id: id, ...on("one"), claim: true });
    await one.end(id);
    const early = await send(id, "early");
    const moved = await two.start();
    await two.start();
    expect(moved.session_id).not.toBe(id);
    const late = await send(id, "late");
    await send(`@c-${id}`, "to the claim");
    const { texts } = await two.prompt();
    const status = async ({ event_id }: { event_id: number }) =>
      (await local("get_delivery", { event_id })).deliveries;
    if (isProven) {
      expect(texts).toEqual(["early", "late", "to the claim"]);
      expect([late.channel, late.warning]).toEqual([`session:${moved.session_id}`, undefined]);
      expect(await status(early)).toMatchObject([{ recipient: moved.session_id, state: "seen" }]);
      return;
    }
    expect(texts).toEqual([]);
    expect(late.channel).toBe(`session:${id}`);
    expect(late.warning).toContain(`The session ${display_id} was unregistered at`);
    for (const warning of [late.warning, (await status(early))[0].warning])
      expect(warning).toContain(`Write to session:${moved.display_id} instead.`);
  });

test("a session that goes back to its first machine takes its mail back", async () => {
  const id = fresh("conversation");
  const [one, two, three] = ["one", "two", "three"].map((machine) => hookOf(as(ADA), id, machine)) as [
    ReturnType<typeof hookOf>,
    ReturnType<typeof hookOf>,
    ReturnType<typeof hookOf>,
  ];
  const ids: string[] = [];
  for (const [i, machine] of [one, two, three, one, three, two, one].entries()) {
    const { session_id } = await machine.start();
    ids.push(session_id);
    for (const earlier of new Set(ids)) await send(earlier, `${i} to ${earlier}`);
    const { texts } = await machine.prompt();
    expect(texts).toEqual([
      ...(i === 0 ? [] : [`left after ${i - 1}`]),
      ...[...new Set(ids)].map((earlier) => `${i} to ${earlier}`),
    ]);
    await machine.end(session_id);
    await send(session_id, `left after ${i}`);
  }
  expect(new Set(ids).size).toBe(3);
});

test("a session that lives on its machine keeps its mail, though the same client registers elsewhere", async () => {
  const id = fresh("conversation");
  const [one, two] = [hookOf(as(ADA), id, "one"), hookOf(as(ADA), id, "two")];
  await one.start();
  await two.start();
  await send(id, "to the first");
  expect((await two.prompt()).texts).toEqual([]);
  expect((await one.prompt()).texts).toEqual(["to the first"]);
});

test("a process number, a caller that nobody vouches for, and a row of an earlier release prove nothing", async () => {
  const number = String(2 ** 22 + 1);
  const cases: [call: ReturnType<typeof as>, id: string, at: typeof bus, old?: true][] = [
    [as(ADA), number, bus],
    [as(STRANGER, open), fresh("conversation"), open],
    [as(ADA), fresh("conversation"), bus, true],
  ];
  for (const [call, id, at, isOld] of cases) {
    const first = await hookOf(call, id, "one").start();
    await hookOf(call, id, "one").end(first.session_id);
    if (isOld) {
      const db = new Database(at.db);
      db.run("UPDATE sessions SET origin = NULL WHERE id = ?", [id]);
      db.close();
    }
    await send(first.session_id, "x", as({}, at));
    const two = hookOf(call, id, "two");
    await two.start();
    await two.start();
    expect((await two.prompt()).texts).toEqual([]);
  }
});

test("a message to an id that nobody can have again says so", async () => {
  const { session_id, display_id } = await local("register_session", { name: fresh("n") });
  const before = await send(session_id);
  await local("unregister_session", { session_id });
  const { warning } = await send(session_id);
  expect(warning).toContain(`The session ${display_id} was unregistered at`);
  expect(warning).toContain("will never be delivered");
  const { deliveries } = await local("get_delivery", { event_id: before.event_id });
  expect(deliveries).toMatchObject([{ reach: "not_here", warning: expect.stringContaining("never") }]);
});
