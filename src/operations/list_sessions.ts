import { isOf, machineOf } from "../domain/machine.ts";
import { reachWords } from "../domain/reach.ts";
import type { Cost } from "../domain/store.ts";
import type { Column, Printer } from "../lib/command.ts";
import type { Json } from "../lib/json.ts";
import { operation } from "./operation.ts";
import { MACHINE, MACHINE_ID } from "./params.ts";
import { liveSessions } from "./present.ts";
import { sessionViews } from "./sessions_view.ts";

const HOUR_MS = 3_600_000;
const NOTHING: Cost = { wakes: 0, handOvers: 0, bytes: 0 };

const COLUMNS: readonly Column[] = [
  { title: "NAME", min: 12 },
  { title: "REPO", min: 8 },
  { title: "STATE", min: 15 },
  { title: "A MESSAGE", min: 22 },
  { title: "UNREAD" },
  { title: "LAST SEEN", drop: 1 },
  { title: "MACHINE", min: 8, drop: 2 },
  { title: "ALSO CALLED", drop: 3 },
  { title: "ID", drop: 4 },
];

const COST_COLUMNS: readonly Column[] = [
  { title: "NAME", min: 12 },
  ...["WOKEN 1 h", "24 h", "HANDED OVER 1 h", "24 h", "kB 1 h", "24 h"].map((title) => ({ title })),
];

export const listSessions = operation({
  name: "list_sessions",
  about: "Live sessions, latest first.",
  effect: "reads",
  scope: "read",
  params: {
    cost: {
      type: "boolean",
      default: false,
      listed: false,
      about: "Show how much the bus put into each session's context",
    },
    machine: { ...MACHINE, listed: false, about: "Tell of each session if it is on this machine" },
    machine_id: MACHINE_ID,
  },
  command: {
    name: "sessions",
    examples: [
      ["sessions", "who is here"],
      ["sessions --cost", "how often each was woken, and how much it was given to read"],
    ],
  },
  async run(bus, { cost, ...stated }) {
    const since = (hours: number) => (cost ? bus.store.pushes.costs(bus.now() - hours * HOUR_MS) : undefined);
    const [hour, day] = await Promise.all([since(1), since(24)]);
    const sessions = await liveSessions(bus);
    const machine = machineOf(bus, stated);
    const marks = stated.machine ? sessions.map((session) => ({ here: isOf(session, machine) })) : [];
    const views: Json[] = (await sessionViews(bus, sessions)).map((view, i) => ({
      ...view,
      ...marks[i],
    }));
    if (hour === undefined || day === undefined) return views;
    return views.map((view) => {
      const id = String(view.session_id);
      return { ...view, cost: { hour: costOf(hour, id), day: costOf(day, id) } };
    });
  },
  print(result, to) {
    const sessions = result.result as Json[];
    if (sessions.length === 0) return to.line("No live sessions.");
    if (sessions[0]?.cost !== undefined) return printCost(sessions, to);
    to.table(
      COLUMNS,
      sessions.map((session) => [
        to.bold(to.text([session.name, ...(session.claims as string[]).map((name) => `@${name}`)].join(" "))),
        to.text(session.repo),
        stateWords(session, to),
        to.text(reachWords(session.reach)),
        to.text(session.unread),
        to.ago(session.last_heartbeat),
        to.text(session.machine),
        to.text(session.display_id),
        to.dim(to.text(session.session_id)),
      ]),
    );
  },
});

const STATE_WORDS: Readonly<Record<string, string>> = {
  waiting: "waiting for you",
  waiting_or_running: "waiting or running",
};

function stateWords({ state, waiting_since }: Json, to: Printer): string {
  const words = STATE_WORDS[String(state)];
  if (words === undefined) return to.text(state);
  return to.colour("attention", `${words} (${to.ago(waiting_since).replace(/ ago$/, "")})`);
}

function costOf(costs: ReadonlyMap<string, Cost>, sessionId: string): Json {
  const { wakes, handOvers: hand_overs, bytes } = costs.get(sessionId) ?? NOTHING;
  return { wakes, hand_overs, bytes };
}

function printCost(sessions: readonly Json[], to: Printer): void {
  const rows = sessions.map(({ name, cost }) => {
    const { hour, day } = cost as Record<"hour" | "day", Record<string, number>>;
    const both = (key: string, unit = 1) =>
      [hour, day].map((one) => to.text(Math.ceil((one[key] ?? 0) / unit)));
    return [to.bold(to.text(name)), ...both("wakes"), ...both("hand_overs"), ...both("bytes", 1000)];
  });
  to.table(COST_COLUMNS, rows);
}
