import { maySeeWhole } from "../domain/answering.ts";
import type { Caller } from "../domain/caller.ts";
import type { Bus } from "../domain/context.ts";
import type { Mail } from "../domain/direct_message.ts";
import type { Session } from "../domain/session.ts";
import type { Cost } from "../domain/store.ts";
import type { Json } from "../lib/json.ts";
import { troubleIn } from "./find_trouble.ts";
import { Memo } from "./memo.ts";
import { needView } from "./needs_view.ts";
import { liveSessions } from "./present.ts";
import { sessionViews } from "./sessions_view.ts";

/** The newest direct messages, whose status is shown. */
const MOST_MAIL = 300;

interface Memos {
  whole: Memo<Json>;
  short: Memo<Json>;
}

const memos = new WeakMap<Bus, Memos>();

/** One view for all callers, found out again after `mostMs`. Only some may see the inputs of permissions. */
export async function runView(bus: Bus, caller: Caller, mostMs: number): Promise<Json> {
  const known = memos.get(bus) ?? memosOf(bus);
  memos.set(bus, known);
  return (await maySeeWhole(bus, caller)) ? known.whole.get(mostMs) : known.short.get(mostMs);
}

function memosOf(bus: Bus): Memos {
  const of = (isWhole: boolean) => new Memo(() => viewOf(bus, isWhole));
  return { whole: of(true), short: of(false) };
}

async function viewOf(bus: Bus, isWhole: boolean): Promise<Json> {
  const [live, needs, mail, costs] = await Promise.all([
    liveSessions(bus),
    bus.store.needs.standing(),
    bus.store.mail.latest(MOST_MAIL),
    bus.store.pushes.costs(midnight(bus.now())),
  ]);
  const sessions = await sessionViews(bus, live);
  const trouble = bus.store.trouble();
  return {
    sessions: sessions.map((view, i) => rowOf(view, live[i] as Session, costs)),
    needs: (await Promise.all(needs.map((need) => needView(bus, need, isWhole)))).map(withoutAge),
    trouble: await troubleIn(bus, { live, sessions, mail }),
    today: sumOf(costs),
    health: trouble === null ? { state: "running" } : { state: "storage", detail: trouble.detail },
    mail: Object.fromEntries(mail.map((one) => [one.event_id, stepsOf(one)])),
  };
}

/** The row of `list_sessions`, and what the page shows besides. */
function rowOf(view: Json, session: Session, costs: ReadonlyMap<string, Cost>): Json {
  const { branch, state_since, wake, muted_until, worked_at } = session;
  const { wakes = 0, bytes = 0 } = costs.get(session.session_id) ?? {};
  return {
    ...withoutAge(view),
    branch,
    state_since,
    wake,
    muted_until: timeOrNull(muted_until),
    worked_at: timeOrNull(worked_at),
    wakes_today: wakes,
    bytes_today: bytes,
  };
}

/** The reader knows the age from the time. A view that is the same again needs not be sent again. */
function withoutAge({ age_seconds: _, ...view }: Json): Json {
  return view;
}

function stepsOf({ state, offered_at, seen_at, acked_at }: Mail): Json {
  return { state, offered_at, seen_at, acked_at };
}

function sumOf(costs: ReadonlyMap<string, Cost>): Json {
  let [wakes, total] = [0, 0];
  for (const cost of costs.values()) {
    wakes += cost.wakes;
    total += cost.bytes;
  }
  return { wakes, bytes: total };
}

function timeOrNull(ms: number): string | null {
  return ms === 0 ? null : new Date(ms).toISOString();
}

/** The last midnight of this machine (ms). */
function midnight(now: number): number {
  return new Date(now).setHours(0, 0, 0, 0);
}
