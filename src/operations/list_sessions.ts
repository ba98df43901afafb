import { formatCursor } from "../domain/cursor.ts";
import type { Dialog } from "../domain/dialogs.ts";
import { reachOf, reachWords } from "../domain/reachability.ts";
import { type Session, subscribedChannels } from "../domain/session.ts";
import type { Cost } from "../domain/store.ts";
import type { Printer } from "../lib/command.ts";
import type { Json } from "../lib/json.ts";
import { operation } from "./operation.ts";
import { liveSessions } from "./present.ts";

const HOUR_MS = 3_600_000;
const NOTHING: Cost = { wakes: 0, handOvers: 0, bytes: 0 };

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
      about: "What the bus put into each session's context",
    },
  },
  command: {
    name: "sessions",
    examples: [
      ["sessions", "who is here"],
      ["sessions --cost", "how often each was woken, and how much it was given to read"],
    ],
  },
  async run(bus, { cost }) {
    const since = (hours: number) => (cost ? bus.store.pushes.costs(bus.now() - hours * HOUR_MS) : undefined);
    const [hour, day] = await Promise.all([since(1), since(24)]);
    const views = (await liveSessions(bus)).map(async (session) => ({
      session_id: session.session_id,
      display_id: session.display_id,
      name: session.name,
      machine: session.machine,
      repo: session.repo,
      cwd: session.cwd,
      client_id: session.client_id,
      registered_at: session.registered_at,
      last_heartbeat: session.last_heartbeat,
      cursor: session.cursor === null ? null : formatCursor(session.cursor),
      age_seconds: Math.max(0, (bus.now() - Date.parse(session.registered_at)) / 1000),
      subscribed_channels: subscribedChannels(session),
      ...stateOf(session, bus.dialogs.of(session.session_id)),
      reach: await reachOf(bus, session),
      unread: await bus.store.mail.count(session.session_id),
      claims: await bus.store.sessions.claimsOf(session.session_id),
      ...(hour &&
        day && { cost: { hour: costOf(hour, session.session_id), day: costOf(day, session.session_id) } }),
    }));
    return Promise.all(views);
  },
  print(result, to) {
    const sessions = result.result as Json[];
    if (sessions.length === 0) return to.line("No live sessions.");
    if (sessions[0]?.cost !== undefined) return printCost(sessions, to);
    to.table([
      ["SESSION", "NAME", "REPO", "MACHINE", "STATE", "REACHED", "UNREAD", "LAST SEEN", "ID"].map((title) =>
        to.dim(title),
      ),
      ...sessions.map((session) => [
        to.bold(to.text(session.display_id)),
        to.text([session.name, ...(session.claims as string[]).map((name) => `@${name}`)].join(" ")),
        to.text(session.repo),
        to.text(session.machine),
        stateWords(session, to),
        to.text(reachWords(session.reach)),
        to.text(session.unread),
        to.ago(session.last_heartbeat),
        to.dim(to.text(session.session_id)),
      ]),
    ]);
  },
});

/** The last report of the session's hooks, or the dialog that it stands at. */
function stateOf({ state }: Session, dialog: Dialog | undefined): Json {
  if (dialog === undefined) return { state };
  const { kind, text, since, certain } = dialog;
  return {
    state: certain ? "waiting" : "waiting_or_running",
    waiting_since: new Date(since).toISOString(),
    waiting_for: { kind, text },
  };
}

const STATE_WORDS: Readonly<Record<string, string>> = {
  waiting: "waiting for you",
  waiting_or_running: "waiting or running",
};

function stateWords({ state, waiting_since }: Json, to: Printer): string {
  const words = STATE_WORDS[String(state)];
  if (words === undefined) return to.text(state);
  return to.colour("yellow", `${words} (${to.ago(waiting_since).replace(/ ago$/, "")})`);
}

function costOf(costs: ReadonlyMap<string, Cost>, sessionId: string): Json {
  const { wakes, handOvers: hand_overs, bytes } = costs.get(sessionId) ?? NOTHING;
  return { wakes, hand_overs, bytes };
}

function printCost(sessions: readonly Json[], to: Printer): void {
  const heading = ["NAME", "WOKEN 1 h", "24 h", "HANDED OVER 1 h", "24 h", "kB 1 h", "24 h"];
  const rows = sessions.map(({ name, cost }) => {
    const { hour, day } = cost as Record<"hour" | "day", Record<string, number>>;
    const both = (key: string, unit = 1) =>
      [hour, day].map((one) => to.text(Math.ceil((one[key] ?? 0) / unit)));
    return [to.bold(to.text(name)), ...both("wakes"), ...both("hand_overs"), ...both("bytes", 1000)];
  });
  to.table([heading.map((title) => to.dim(title)), ...rows]);
}
