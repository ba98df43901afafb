// What waits for the user, as a hook reports it and as the user's answer meets it.
import { expect, test } from "bun:test";
import { answerNeed } from "../../../src/domain/answer_need.ts";
import { LOCAL } from "../../../src/domain/caller.ts";
import type { Bus } from "../../../src/domain/context.ts";
import { type Answer, type Need, WITHDRAWN } from "../../../src/domain/need.ts";
import { NeedWatch } from "../../../src/domain/need_watch.ts";
import { processStart } from "../../../src/lib/process.ts";
import { hookOperations } from "../../../src/operations/hooks/index.ts";
import { reportDialog } from "../../../src/operations/hooks/report_dialog.ts";
import { operations } from "../../../src/operations/index.ts";
import { operation } from "../../../src/operations/operation.ts";
import { fresh } from "../../support/agent.ts";
import { startHere } from "../../support/bus.ts";
import { eventually } from "../../support/webhook.ts";

const PATIENCE_MS = 30_000;
const ALLOW: Answer = { behavior: "allow" };
const SHELL = { by: "person", via: "shell" } as const;

let inside: Bus;
const look = operation({
  name: "look_inside",
  about: "Lets a test work inside the bus.",
  effect: "reads",
  params: {},
  async run(bus) {
    inside = bus;
    return {};
  },
});

/** Milliseconds by which somebody has set the clock. */
let jumped = 0;
const bus = await startHere({
  operations: [...operations, ...hookOperations, look],
  now: () => Date.now() + jumped,
});
await bus.call("look_inside");

/** A session, and its hook's report of a dialog. */
async function started(more: object = {}) {
  const client_id = fresh("client");
  const process_ = { pid: process.pid, pid_started: processStart(process.pid) };
  await bus.call("start_session", {
    client_id,
    name: client_id,
    cwd: "/",
    repo: client_id,
    ...process_,
    ...more,
  });
  const report = (own: object = {}) => ({
    ...{ client_id, kind: "permission", text: client_id, open_ms: 0, certain: true, wait_seconds: 60 },
    ...{ key: client_id, tool: "Write", input: "{}", answerable: true, unless_known: false, gone: false },
    ...{ machine: undefined, pid: process.pid, branch: undefined, cwd: "/", ...more, ...own },
  });
  const need = async (): Promise<Need> =>
    (await inside.store.needs.recent(1_000)).find(({ text }) => text === client_id) as Need;
  const is = (state: Need["state"]) =>
    eventually(`it is ${state}`, async () => (await need())?.state === state, PATIENCE_MS);
  const held = async () => {
    const one = await need();
    return one !== undefined && inside.dialogs.held(one) !== undefined;
  };
  /** The report inside this turn of the event loop, with a way to let its client go. */
  const tell = (own: object = {}) => {
    const away = new AbortController();
    const call = { caller: LOCAL, signal: away.signal, progress() {} };
    const told = reportDialog.run(inside, report(own) as never, call) as Promise<Record<string, unknown>>;
    return { told, away };
  };
  return { client_id, report, need, is, held, tell };
}

test("an answer that is committed together with the hook's report reaches the hook, whichever is first", async () => {
  // Each turn moves the answer behind one more step of the report.
  for (let turns = 0; turns < 12; turns++) {
    const { tell, need, held } = await started();
    const first = tell();
    await eventually("it is held", held, PATIENCE_MS);
    const opened = await need();
    first.away.abort();
    await first.told;
    const { told } = tell();
    for (let i = 0; i < turns; i++) await null;
    expect((await answerNeed(inside, opened, ALLOW, SHELL)).won).toBe(true);
    expect(await told).toMatchObject({ answer: ALLOW, ...SHELL });
  }
});

test("an answer that its hook did not live to see is not taken", async () => {
  const { tell, need, held } = await started();
  const { told, away } = tell();
  await eventually("it is held", held, PATIENCE_MS);
  const opened = await need();
  away.abort();
  await answerNeed(inside, opened, ALLOW, SHELL);
  expect(await told).not.toHaveProperty("answer");
  expect((await need()).taken_at).toBeNull();
  const again = tell();
  expect(await again.told).toMatchObject({ over: true, answer: ALLOW });
  expect((await need()).taken_at).not.toBeNull();
});

test("a dialog that is gone before its report comes is closed, and stays so", async () => {
  const { tell, need } = await started();
  expect(await tell({ gone: true }).told).toMatchObject({ over: true });
  expect(await tell().told).toMatchObject({ over: true });
  expect(await need()).toMatchObject({ state: "withdrawn", reason: WITHDRAWN.terminal });
});

test("a notification's dialog that is gone is closed by its own hook", async () => {
  const { tell, need, held } = await started();
  const own = { unless_known: true, answerable: false };
  const { told } = tell(own);
  await eventually("it is held", held, PATIENCE_MS);
  expect(await tell({ ...own, gone: true }).told).toMatchObject({ over: true });
  expect(await need()).toMatchObject({ state: "withdrawn", reason: WITHDRAWN.terminal });
  await told;
});

test("a hook of before there were answers opens a need that is answered in its terminal only", async () => {
  const { tell, need, held, is } = await started();
  const own = { key: undefined, tool: undefined, input: undefined, cwd: undefined };
  const { told, away } = tell(own);
  await eventually("it is held", held, PATIENCE_MS);
  const { need_id, answerable } = await need();
  expect(answerable).toBe(false);
  away.abort();
  await told;
  await is("withdrawn");
  const again = tell(own);
  await is("open");
  expect((await need()).need_id).toBe(need_id);
  again.away.abort();
  await again.told;
});

test("one of two dialogs of a session is answered, and the other stands", async () => {
  const { tell, need, held, is } = await started();
  const other = tell({ key: "other", text: "other" });
  const { told } = tell();
  await eventually("it is held", held, PATIENCE_MS);
  await answerNeed(inside, await need(), ALLOW, SHELL);
  expect(await told).toMatchObject({ answer: ALLOW });
  await is("answered");
  expect(await other.told).toEqual(expect.not.objectContaining({ answer: ALLOW }));
  expect(await other.told).toMatchObject({ over: false, stops: false });
  const again = tell({ key: "other", text: "other" });
  again.away.abort();
  await again.told;
});

test("a dialog that nothing holds is lost within seconds, and open again when its hook comes back", async () => {
  const { tell, held, is, need } = await started();
  const { told, away } = tell();
  await eventually("it is held", held, PATIENCE_MS);
  away.abort();
  await told;
  await is("withdrawn");
  expect((await need()).reason).toBe(WITHDRAWN.lost);
  const again = tell();
  await is("open");
  again.away.abort();
  await again.told;
});

test("a session of another machine that stands at a dialog for hours is not gone", async () => {
  const { tell, held, is, need } = await started({
    machine: "elsewhere",
    pid: undefined,
    pid_started: undefined,
  });
  jumped += 29 * 60_000;
  const { told, away } = tell({ wait_seconds: 1 });
  await eventually("it is held", held, PATIENCE_MS);
  jumped += 29 * 60_000;
  expect(await told).toMatchObject({ over: false });
  const again = tell();
  // Longer than the watch takes to look.
  await Bun.sleep(2_500);
  expect((await need()).state).toBe("open");
  for (const one of [away, again.away]) one.abort();
  await is("withdrawn");
  jumped = 0;
});

test("a clock that is set back keeps no need from being shown, and what was shown ends once", async () => {
  const { client_id, tell, held } = await started();
  const seen: string[] = [];
  const note = (what: string) => (need: Need) => {
    if (need.text === client_id) seen.push(what);
  };
  const watch = new NeedWatch(inside, [{ show: note("show"), end: note("end") }]);
  watch.start();
  const { told } = tell();
  await eventually("it is held", held, PATIENCE_MS);
  jumped -= 24 * 3_600_000;
  await eventually("it is shown", () => seen.length > 0, PATIENCE_MS);
  await tell({ gone: true }).told;
  await told;
  await eventually("it ends", () => seen.length > 1, PATIENCE_MS);
  watch.stop();
  jumped = 0;
  expect(seen).toEqual(["show", "end"]);
});

test.each<[what: string, input: string]>([
  ["no JSON", "{"],
  ["null", "null"],
  ["a list", '[{"question":"?"}]'],
  ["a text", '"x"'],
  ["very deep", `{"a":${"[".repeat(100_000)}${"]".repeat(100_000)}}`],
  [
    "questions of no text",
    '{"questions":[{"question":{"toString":1},"options":[null,{"label":{"valueOf":1}}]},null,7]}',
  ],
])("what a hook reports as input cannot break the list: %s", async (_what, input) => {
  const { tell, need, held } = await started();
  const { told, away } = tell({ kind: "question", input });
  await eventually("it is held", held, PATIENCE_MS);
  const { need_id } = await need();
  for (const args of [{}, { all: true }, { need_id }]) {
    const { result } = await bus.call("list_needs", args);
    expect(result.map((one: Need) => one.need_id)).toContain(need_id);
  }
  away.abort();
  await told;
});
