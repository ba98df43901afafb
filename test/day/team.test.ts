// A team's day: 300 sessions on ten machines, three compiled buses on one PostgreSQL, 100,000 events.
import { afterAll, expect, test } from "bun:test";
import { join } from "node:path";
import type { Subprocess } from "bun";
import { connect } from "../../src/postgres/connection.ts";
import { TokenTable } from "../../src/postgres/tokens.ts";
import { processorMs } from "../bench/usage.ts";
import type { ProcessBus } from "../support/bus.ts";
import { removeFolders } from "../support/folder.ts";
import { noPostgres, selectedBy } from "../support/postgres.ts";
import { type SeveralBuses, startBuses } from "../support/several_buses.ts";
import { eventually } from "../support/webhook.ts";
import type { MachineDay, MachineOptions } from "./team_machine.ts";

const BUSES = 3;
const MACHINES = 10;
const SESSIONS = 30;
/** A third of the sessions. */
const WAITING = (MACHINES * SESSIONS) / 3;
const EVENTS = Number(process.env.TEAM_EVENTS ?? 100_000);
const READERS = 3;
/** One in so many events is a direct message. */
const DIRECT = 20;
/** The bus that does most does less than so many times what another one does. */
const MOST_UNEVEN = 1.5;
const TIMEOUT_MS = 900_000;

let all: SeveralBuses | undefined;
const machines: Machine[] = [];
afterAll(async () => {
  for (const { end } of machines) end();
  await all?.end();
  removeFolders();
});

interface Machine {
  // biome-ignore lint/suspicious/noExplicitAny: each order has an answer of its own
  order(order: string, words?: unknown): Promise<any>;
  end(): void;
}

/** Starts a process that stands for a machine, and takes one order after the other. */
function startMachine(options: MachineOptions): Machine {
  const words = [process.execPath, join(import.meta.dir, "team_machine.ts"), JSON.stringify(options)];
  const child: Subprocess<"pipe", "pipe", "inherit"> = Bun.spawn(words, {
    ...{ stdin: "pipe", stdout: "pipe", stderr: "inherit" },
    env: { PATH: process.env.PATH ?? "", BUN_CONFIG_MAX_HTTP_REQUESTS: "1000" },
  });
  const lines = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  return {
    async order(order, argument = "") {
      child.stdin.write(`${order} ${JSON.stringify(argument)}\n`);
      child.stdin.flush();
      while (!text.includes("\n")) {
        const { value, done } = await lines.read();
        if (done) throw new Error(`machine ${options.number} ended`);
        text += value;
      }
      const line = text.slice(0, text.indexOf("\n"));
      text = text.slice(line.length + 1);
      return JSON.parse(line);
    },
    end: () => child.kill("SIGKILL"),
  };
}

async function tokensOf(url: string): Promise<string[]> {
  const pool = connect(url);
  const table = new TokenTable(pool, Date.now);
  const made: string[] = [];
  for (let i = 0; i < MACHINES; i++)
    made.push(String((await table.create(`machine-${i}`, "full", null))?.secret));
  await pool.close();
  return made;
}

/** Reads every event with a saved cursor, each time at another bus. */
async function readAll(
  buses: readonly ProcessBus[],
  number: number,
  last: () => number | undefined,
): Promise<number[]> {
  const read: number[] = [];
  const session = { name: `reader-${number}`, client_id: `reader-${number}`, repo: "readers" };
  const { session_id } = await (buses[0] as ProcessBus).call("register_session", session);
  await (buses[0] as ProcessBus).call("ack_events", { session_id, cursor: "0", allow_rewind: true });
  for (let turn = number; read.length < (last() ?? Number.POSITIVE_INFINITY); turn++) {
    const wanted = { session_id, resume: true, order: "asc", limit: 1_000, wait_seconds: 1 };
    const { events } = await (buses[turn % buses.length] as ProcessBus).call("get_events", wanted);
    for (const { id } of events) read.push(id);
  }
  return read;
}

/** What the metrics of each bus say of it. */
async function metricOf(buses: readonly ProcessBus[], name: string): Promise<number[]> {
  const texts = buses.map(async ({ port }) => (await fetch(`http://127.0.0.1:${port}/metrics`)).text());
  return (await Promise.all(texts)).map((text) => Number(new RegExp(`^${name} (\\d+)`, "m").exec(text)?.[1]));
}

const sum = (numbers: readonly number[]) => numbers.reduce((one, other) => one + other, 0);
const upTo = (last: number) => Array.from({ length: last }, (_, i) => i + 1);

test.skipIf(noPostgres !== null)(
  "of a team's day every event is read once, every direct message is shown once, and the buses do as much each",
  async () => {
    const began = performance.now();
    const took = (what: string) =>
      console.log(`${((performance.now() - began) / 1_000).toFixed(1)} s: ${what}`);
    all = await startBuses(BUSES);
    const { buses, url } = all;
    const tokens = await tokensOf(url);
    const urls = buses.map((bus) => bus.url);
    for (const [number, token] of tokens.entries())
      machines.push(
        startMachine({ number, urls, token, sessions: SESSIONS, events: EVENTS / MACHINES, direct: DIRECT }),
      );
    const ids: string[] = (await Promise.all(machines.map(({ order }) => order("start")))).flat();
    await eventually(
      "most of them wait",
      async () => sum(await metricOf(buses, "agent_event_bus_waiters")) === WAITING,
    );
    const waiters = await metricOf(buses, "agent_event_bus_waiters");
    took(`${ids.length} sessions are at work or wait`);

    let last: number | undefined;
    const reading = upTo(READERS).map((number) => readAll(buses, number, () => last));
    const before = buses.map(({ process }) => processorMs(process.pid));
    await Promise.all(machines.map(({ order }) => order("publish", ids)));
    took("all is published");
    const days: MachineDay[] = await Promise.all(machines.map(({ order }) => order("prompt")));
    took("every session is at its prompt");
    const busy = buses.map(({ process }, i) => processorMs(process.pid) - (before[i] ?? 0));
    last = (selectedBy(url, "SELECT max(id) AS last FROM events", []) as { last: number }[])[0]?.last;
    for (const read of await Promise.all(reading)) expect(read).toEqual(upTo(Number(last)));
    took("everything is read");

    const sent = days.flatMap((day) => day.sent).map(({ id, to }) => `${id} ${to}`);
    const shown = days.flatMap((day) => day.shown);
    expect(shown.map(({ id, to }) => `${id} ${to}`).sort()).toEqual(sent.sort());
    expect(shown.filter(({ repeat }) => repeat)).toEqual([]);
    expect(sent).toHaveLength(EVENTS / DIRECT);
    const accepted = buses.map((_, i) => sum(days.map((day) => day.accepted[i] ?? 0)));
    for (const load of [waiters, accepted, busy])
      expect(Math.max(...load)).toBeLessThan(MOST_UNEVEN * Math.min(...load));
    const by = Object.entries(Object.groupBy(shown, (one) => one.by)).map(
      ([path, all]) => `${all.length} by ${path}`,
    );
    const refused = sum(days.map((day) => day.refused));
    console.log(
      `of each bus: calls that wait ${waiters}, events ${accepted}, processor ${busy.map(Math.round)} ms`,
    );
    console.log(`${sent.length} direct messages, ${by.join(", ")}; calls refused for now: ${refused}`);
  },
  TIMEOUT_MS,
);
