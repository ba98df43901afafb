import { join } from "node:path";
import { digits, type Figure, markdownTable, tableOf, type Unit } from "./figure.ts";
import { type Machine, machineLine } from "./machine.ts";

const root = join(import.meta.dir, "../..");
/** The markers around a table of that name. */
const markersOf = (name: string) => [`<!-- begin ${name} -->`, `<!-- end ${name} -->`] as const;
/** How figures of several buses begin. They have tables of their own. */
const SEVERAL = "PostgreSQL";

/**
 * The figures that users feel, in the order of the page. First how the name of the figure begins, then how the page calls it.
 * `…` stands for the rest of the name.
 */
export const FOR_USERS: readonly (readonly [begins: string, called: string])[] = [
  ["hook prompt, nothing new", "A hook at a prompt with nothing new"],
  ["CLI publish", "The command `publish`"],
  ["publish, durable, 1 connection: p50", "One publish, stored on disk (median)"],
  ["publish, durable, 64 connections: rate", "Publishes of 64 clients, stored on disk"],
  ["get_events, 50, resume: ", "A read of 50 events, … stored"],
  ["publish to wait_seconds caller answered: p99", "From a publish to a client that waits (99th percentile)"],
  ["publish to webhook received: p99", "From a publish to the receiver of a webhook (99th percentile)"],
  ["mixed load, publish: p99", "One publish while 30 sessions talk (99th percentile)"],
  ["start to /health, ", "Start with … stored"],
  ["resident memory, idle", "Memory of an idle bus"],
  ["processor when idle with 30 waiters", "Processor with 30 idle sessions"],
  ["size of the executable", "Size of the executable"],
];

/** How the page calls what a figure is compared with. */
const FLOORS: Readonly<Record<string, string>> = {
  curl: "`curl`",
  "bare route": "a bare HTTP route",
  "bare route, unsigned fetch": "a bare HTTP route that sends no signature",
  "at 1,000": "with 1,000 stored",
  "idle p50": "median of an idle bus",
  "empty Elysia": "an empty HTTP server",
  "empty program": "an empty Bun program",
};

const HEAD = ["What", "agent-event-bus", "For comparison"];

/** The table of docs/performance.md. Figures that were not measured are left out. */
export function usersTable(figures: readonly Figure[]): string {
  const rows = FOR_USERS.flatMap(([begins, called]) => {
    const figure = figures.find(({ what }) => what.startsWith(begins));
    if (figure === undefined) return [];
    const { what, ours, floor, floorIs, unit } = figure;
    const compared = floor === undefined ? "–" : `${amount(floor, unit)} (${FLOORS[floorIs] ?? floorIs})`;
    return [[called.replace("…", what.slice(begins.length)), amount(ours, unit), compared]];
  });
  return tableOf(HEAD, rows);
}

function amount(value: number, unit: Unit): string {
  return unit === "/s" ? `${Math.round(value).toLocaleString("en")} a second` : `${digits(value)} ${unit}`;
}

/** The rows of docs/scale.md, each with how it is called. */
const SIDES = [
  ["SQLite, one bus", `${SEVERAL}, 1 bus: `, "floor"],
  ["PostgreSQL, one bus", `${SEVERAL}, 1 bus: `, "ours"],
  ["PostgreSQL, two buses", `${SEVERAL}, 2 buses: `, "ours"],
  ["PostgreSQL, four buses", `${SEVERAL}, 4 buses: `, "ours"],
] as const;
const CLIENTS = ["1 connection", "16 connections", "64 connections"];

/** The table of docs/scale.md: publishes a second, and how long one takes. */
export function scaleTable(figures: readonly Figure[]): string {
  const rows = SIDES.map(([called, begins, side]) => {
    const of = (clients: string, key: string) =>
      figures.find(({ what }) => what === `${begins}publish, durable, ${clients}: ${key}`)?.[side] ??
      Number.NaN;
    const cell = (clients: string) =>
      `${amount(of(clients, "rate"), "/s")}, ${digits(of(clients, "p50"))} ms`;
    return [called, ...CLIENTS.map(cell)];
  });
  return tableOf(["Publishes", "1 client", "16 clients", "64 clients"], rows);
}

/** A page with the table between its markers replaced. Throws when it has no markers. */
export function withTable(page: string, table: string, machine: Machine, name = "bench"): string {
  const [begin, end] = markersOf(name);
  const [from, to] = [page.indexOf(begin), page.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`the page has no ${begin} … ${end}`);
  return `${page.slice(0, from + begin.length)}\n\n${table}\n\n${machineLine(machine)}\n\n${page.slice(to)}`;
}

/** Writes what users feel into the pages of docs, and every figure into NOTES.md. */
export async function writePages(figures: readonly Figure[], machine: Machine): Promise<void> {
  const [several, one] = [true, false].map((is) =>
    figures.filter(({ what }) => what.startsWith(SEVERAL) === is),
  ) as [Figure[], Figure[]];
  const put = async (page: string, table: string, name: string) => {
    const file = join(root, page);
    await Bun.write(file, withTable(await Bun.file(file).text(), table, machine, name));
  };
  if (one.length > 0) {
    await put("docs/performance.md", usersTable(one), "bench");
    await put("test/bench/NOTES.md", markdownTable(one), "bench");
  }
  if (several.length > 0) {
    await put("docs/scale.md", scaleTable(several), "several buses");
    await put("test/bench/NOTES.md", markdownTable(several), "several buses");
  }
}
