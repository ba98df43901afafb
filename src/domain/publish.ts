import type { Json } from "../lib/json.ts";
import { sessionBehind } from "./agent_behind.ts";
import type { Call } from "./call.ts";
import { type Caller, ORIGINS } from "./caller.ts";
import { type Bus, here } from "./context.ts";
import { addressed } from "./delivery_policy.ts";
import { ANONYMOUS, type Event, type EventDraft, PERSON } from "./event.ts";
import { isPersonsName, reservedProblem } from "./person.ts";
import type { Session } from "./session.ts";
import type { Change, Store } from "./store.ts";

/** Who publishes: a session, the person, or nobody in particular. */
export interface Sender {
  session: Session | undefined;
  /** The fields of the events. */
  signed: Pick<EventDraft, "session_id" | "origin">;
}

/** Finds the sender of a call's events. A call that names no session is the person's if the bus can prove it. */
export async function senderOf(
  bus: Bus,
  sessionId: string | undefined,
  { caller }: Call,
): Promise<Sender | { refusal: Json }> {
  if (!sessionId) {
    const isPersons = await isPerson(bus, caller);
    if (caller.page === true && !isPersons)
      return { refusal: { error: "Nothing was published. The bus could not see that the user sent this." } };
    const signed = isPersons
      ? { session_id: PERSON, origin: ORIGINS.person }
      : { session_id: ANONYMOUS, origin: caller.origin };
    return { session: undefined, signed };
  }
  if (isPersonsName(sessionId))
    return {
      refusal: { error: `Nothing was published. ${reservedProblem(sessionId)}`, session_id: sessionId },
    };
  const session = await bus.store.sessions.get(sessionId);
  return { session, signed: { session_id: session?.session_id ?? sessionId, origin: originOf(caller) } };
}

/** True if a call comes from the person: a command in a terminal or the page in a browser, which no agent started. */
export function isPerson(bus: Bus, caller: Caller): Promise<boolean> | boolean {
  const line = caller.page === true ? browserOf(caller) : caller.terminal;
  return line !== undefined && sessionBehind(bus, line, here(bus)).then((session) => session === undefined);
}

/** The line of the page's browser. Empty if the system does not tell, undefined if the browser does not show itself. */
function browserOf({ process }: Caller): readonly number[] | undefined {
  const isShown = process !== undefined && process.mark === undefined && process.unseen !== "hidden";
  return isShown ? process.line : undefined;
}

/** The origin of what a caller publishes in the name of a session. */
export function originOf({ origin, page }: Caller): string {
  return page === true ? ORIGINS.unverified : origin;
}

/** Wakes waiting calls at every event, from any source. Called once, when the bus is put together. */
export function followEvents({
  store,
  subscriptions,
  storms,
}: Pick<Bus, "store" | "subscriptions" | "storms">) {
  store.listen((event) => {
    storms.note(event);
    subscriptions.wake(event);
  });
}

/** Appends an event. Waiting calls wake, webhooks start, and the user is notified. */
export function publish({ store }: Bus, draft: EventDraft, change: Change | null = null): Promise<Event> {
  return append(store, draft, change);
}

/** Decides who gets an event and appends it. Decides again if the webhooks changed meanwhile. */
export async function append(store: Store, draft: EventDraft, change: Change | null = null): Promise<Event> {
  for (;;) {
    const event = await store.append(addressed(draft, await store.webhooks.active(), change));
    if (event !== null) return event;
  }
}

/** Appends the event of an arrival once. Null if its source was removed. */
export async function appendArrival(
  { store }: Pick<Bus, "store">,
  name: string,
  keys: readonly string[],
  draft: EventDraft,
): Promise<{ event_id: number; event?: Event } | null> {
  for (;;) {
    const source = (await store.sources.list()).find((one) => one.name === name);
    if (source === undefined) return null;
    const { source_id: sourceId } = source;
    const known = await store.sources.eventOf(sourceId, keys);
    if (known !== undefined) return { event_id: known };
    const active = await store.webhooks.active();
    const event = await store.append(addressed(draft, active, { kind: "arrive", sourceId, keys }));
    if (event !== null) return { event_id: event.id, event };
  }
}

/** Pauses a webhook that the bus gives up on, with the event that says so. Does nothing if it is no longer active. */
export async function pauseWebhook(
  store: Store,
  webhookId: number,
  reason: string,
  draft: EventDraft,
): Promise<void> {
  const change: Change = { kind: "pause", webhookId, reason };
  for (;;) {
    const active = await store.webhooks.active();
    if (!active.webhooks.some(({ webhook_id }) => webhook_id === webhookId)) return;
    if ((await store.append(addressed(draft, active, change))) !== null) return;
  }
}
