import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { NEED_ANSWERED } from "../../src/domain/answer_need.ts";
import { WITHDRAWN } from "../../src/domain/need.ts";
import { type ProcessBus, startBus } from "../support/bus.ts";
import { cliOnTerminal } from "../support/cli.ts";
import { clientAtWork } from "../support/client_at_work.ts";
import { tempFolder } from "../support/folder.ts";
import { ended, type Ran } from "../support/hooks.ts";
import { running } from "../support/process.ts";
import { eventually } from "../support/webhook.ts";

const SESSIONS = 30;
const NEEDS = 200;
const STARTED_AT_ONCE = 5;
const KILLS = 3;
const KILL_EVERY_MS = 3_000;
const PATIENCE_MS = 120_000;

/** How a dialog ends. */
type Ending =
  | "answer"
  | "two answers"
  | "answer, then kill"
  | "terminal"
  | "both"
  | "hook killed"
  | "client killed";

const MIX: readonly Ending[] = [
  ...Array<Ending>(27).fill("answer"),
  ...Array<Ending>(7).fill("terminal"),
  ...(["two answers", "two answers", "both", "both", "hook killed", "answer, then kill"] as const),
];

interface Dialog {
  text: string;
  ending: Ending;
  /** The decisions that the bus acknowledged. */
  acknowledged: string[];
  printed: Omit<Ran, "ms">;
}

/** A bus that is killed and started again on its files. */
class KilledBus {
  #bus: ProcessBus;
  #restart: Promise<void> = Promise.resolve();
  kills = 0;
  constructor(bus: ProcessBus) {
    this.#bus = bus;
  }
  get now(): ProcessBus {
    return this.#bus;
  }
  /** The bus, once it runs again. */
  async up(): Promise<ProcessBus> {
    await this.#restart;
    return this.#bus;
  }
  kill(): Promise<void> {
    this.#restart = this.#restart.then(async () => {
      this.kills++;
      const { folder, port } = this.#bus;
      await this.#bus.kill();
      this.#bus = await startBus("binary", { folder, port });
    });
    return this.#restart;
  }
}

/** The ids of the open needs by their text, as far as they were ever listed. */
function follow(bus: KilledBus) {
  const ids = new Map<string, number>();
  let isOver = false;
  const looking = (async () => {
    while (!isOver) {
      const { call } = await bus.up();
      const { result = [] } = await call("list_needs").catch(() => ({}));
      for (const { text, need_id } of result) ids.set(text, need_id);
      await Bun.sleep(200);
    }
  })();
  const idOf = async (text: string) => {
    await eventually(`${text} is listed`, () => ids.has(text), PATIENCE_MS);
    return ids.get(text) as number;
  };
  const stop = () => {
    isOver = true;
    return looking;
  };
  return { idOf, stop };
}

/** Answers as the user does, again while the bus is away. True once the answer is acknowledged, false if it came too late. */
async function answer(bus: KilledBus, id: number, words: readonly string[]): Promise<boolean> {
  for (;;) {
    const typed = cliOnTerminal(["answer", String(id), ...words], { bus: await bus.up() });
    const shown = Bun.stripANSI(await typed);
    if (shown.includes("Answered #")) return true;
    if (shown.includes("is closed")) return false;
    await Bun.sleep(100);
  }
}

const wordsOf = (decision: string) => (decision === "allow" ? ["allow"] : ["deny", "not", "now"]);

type AtWork = Awaited<ReturnType<typeof clientAtWork>>;

/** Lets a client ask, and ends its dialog. Resolves once its hook has ended. */
async function ask(
  bus: KilledBus,
  at: AtWork,
  { idOf }: ReturnType<typeof follow>,
  n: number,
  ending: Ending,
): Promise<Dialog> {
  const acknowledged: string[] = [];
  const decide = async (id: number, decision: string) => {
    if (await answer(bus, id, wordsOf(decision))) acknowledged.push(decision);
  };
  const text = `Write: /tmp/${n}`;
  at.tell("waiting");
  const child = await at.hook("permission", { tool_name: "Write", tool_input: { file_path: `/tmp/${n}` } });
  const printing = ended(child, PATIENCE_MS);
  const id = await idOf(text);
  const decision = n % 3 === 0 ? "deny" : "allow";
  switch (ending) {
    case "answer":
      await decide(id, decision);
      break;
    case "two answers":
      await Promise.all([decide(id, "allow"), decide(id, "deny")]);
      break;
    case "answer, then kill":
      await decide(id, decision);
      await Bun.sleep((n % 5) * 10);
      await bus.kill();
      break;
    case "terminal":
      at.tell("busy");
      break;
    case "both":
      await Promise.all([decide(id, decision), Bun.sleep(n % 50).then(() => at.tell("busy"))]);
      break;
    case "hook killed":
      child.kill("SIGKILL");
      break;
    case "client killed":
      await at.client.kill();
  }
  const printed = await printing;
  if (ending !== "client killed") at.tell("busy");
  return { text, ending, acknowledged, printed };
}

interface Row {
  need_id: number;
  text: string;
  state: string;
  answer: string | null;
  reason: string | null;
  records: number;
}

/** The needs as they are stored, with the number of events that record an answer to each. */
function stored(path: string): Map<string, Row[]> {
  const db = new Database(path, { readonly: true });
  const rows = db
    .query(`SELECT needs.*, (SELECT count(*) FROM events WHERE event_type = '${NEED_ANSWERED}'
      AND payload_meta LIKE '%"Need ' || need_id || ' (%') AS records FROM needs`)
    .all() as Row[];
  db.close();
  return Map.groupBy(rows, ({ text }) => text);
}

const REASONS: Record<Ending, readonly (string | null)[]> = {
  answer: [],
  "two answers": [],
  "answer, then kill": [],
  // Its hook found no bus to tell, and its session may end before the bus gives it up.
  terminal: [WITHDRAWN.terminal, WITHDRAWN.lost, WITHDRAWN.session],
  both: [WITHDRAWN.terminal, WITHDRAWN.lost, WITHDRAWN.session],
  "hook killed": [WITHDRAWN.lost, WITHDRAWN.session],
  "client killed": [WITHDRAWN.session],
};

function check({ text, ending, acknowledged, printed }: Dialog, rows: readonly Row[] | undefined): void {
  const about = `${text}, ${ending}, ${JSON.stringify(rows)}`;
  expect([about, rows?.length]).toEqual([about, 1]);
  const [{ state, answer, reason, records }] = rows as [Row];
  const decision = printed.stdout === "" ? null : JSON.parse(printed.stdout).hookSpecificOutput.decision;
  expect([about, acknowledged.length < 2]).toEqual([about, true]);
  expect([about, records]).toEqual([about, state === "answered" ? 1 : 0]);
  if (state === "answered") {
    const given = JSON.parse(String(answer));
    if (acknowledged.length > 0) expect([about, given.behavior]).toEqual([about, acknowledged[0]]);
    if (ending !== "both" || decision !== null) expect([about, decision]).toEqual([about, given]);
  } else {
    expect([about, state, acknowledged, decision]).toEqual([about, "withdrawn", [], null]);
    expect([about, REASONS[ending].includes(reason)]).toEqual([about, true]);
  }
  expect([about, printed.stderr, printed.code]).toEqual([about, "", ending === "hook killed" ? null : 0]);
  expect(printed.stdout.split("\n").length).toBeLessThanOrEqual(2);
}

test(
  "200 needs of 30 sessions, with kills of the bus, of hooks and of clients: each is closed once, and nothing is left",
  async () => {
    const folder = tempFolder();
    const bus = new KilledBus(await startBus("binary", { folder }));
    const clients: AtWork[] = [];
    while (clients.length < SESSIONS)
      clients.push(
        ...(await Promise.all(Array.from({ length: STARTED_AT_ONCE }, () => clientAtWork(bus.now)))),
      );
    const began = performance.now();
    const needs = follow(bus);
    const asking = clients.map(async (at, i) => {
      const asked: Dialog[] = [];
      for (let n = i; n < NEEDS; n += SESSIONS) {
        const isLast = n + SESSIONS >= NEEDS;
        const ending = isLast && i % 6 === 0 ? "client killed" : (MIX[(n * 7) % MIX.length] as Ending);
        asked.push(await ask(bus, at, needs, n, ending));
      }
      return asked;
    });
    for (let i = 0; i < KILLS; i++) {
      await Bun.sleep(KILL_EVERY_MS);
      await bus.kill();
    }
    const dialogs = (await Promise.all(asking)).flat();
    await needs.stop();
    const { call } = bus.now;
    await eventually(
      "nothing is open",
      async () => (await call("list_needs")).result.length === 0,
      PATIENCE_MS,
    );
    console.log(
      `${dialogs.length} needs, ${bus.kills} kills of the bus: ${Math.round(performance.now() - began)} ms`,
    );
    const { result } = await call("list_sessions");
    expect(result.filter(({ state }: { state: string }) => state.startsWith("waiting"))).toEqual([]);
    expect(running(["hook", "permission"], bus.now.url)).toEqual([]);
    expect(await bus.now.stop()).toBe(0);
    const rows = stored(bus.now.db);
    expect(dialogs).toHaveLength(NEEDS);
    expect(rows.size).toBe(NEEDS);
    // Some more were answered, and their command was told so by its second try.
    const told = dialogs.filter(({ acknowledged }) => acknowledged.length > 0);
    expect(told.length).toBeGreaterThan(NEEDS / 2);
    for (const dialog of dialogs) check(dialog, rows.get(dialog.text));
  },
  2 * PATIENCE_MS,
);
