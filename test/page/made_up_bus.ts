import type { Json } from "../../src/lib/json.ts";
import type { Event, Need, Session } from "../../src/page/types.ts";
import { ago, EVENING, eventNumber, events, names, needs, problems, sessions } from "./made_up.ts";

export interface Made {
  /** Which needs wait. */
  needs?: "normal" | "many" | "none" | "shapes";
  /** 30 sessions instead of 6. */
  many?: boolean;
  /** Made-up events before those of the evening. */
  older?: number;
}

type Send = (name: string, data: unknown, id?: number) => void;
type Answer = Json | readonly unknown[];

/** A bus of made-up data that answers the page's calls and tells of changes. */
export class MadeUpBus {
  readonly #started = Date.now();
  readonly #readers = new Set<Send>();
  readonly #problems = problems();
  readonly #refusals = new Map<string, string>();
  readonly events: Event[];
  #needs: Need[];
  #sessions: Session[];
  /** Calls of the page, for tests. */
  readonly calls: { operation: string; args: Json }[] = [];

  constructor({ needs: kind = "normal", many = false, older = 0 }: Made = {}) {
    const before = Array.from({ length: older }, (_, i) =>
      eventNumber(i + 1, EVENING - (older - i) * 1_000 - 2 * DAY_MS),
    );
    this.events = [...before, ...events().map((event) => ({ ...event, id: event.id + older }))];
    this.#needs = needs(kind).map((need) => ({ ...need, event_id: need.event_id && need.event_id + older }));
    for (const problem of this.#problems) if (problem.kind === "undelivered") problem.event_id = 16 + older;
    this.#sessions = sessions(many);
  }

  get now(): number {
    return EVENING + Date.now() - this.#started;
  }

  /** Sends all that is known, then what changes. Returns how to end it. */
  read(send: Send, after: number | undefined): () => void {
    send("hello", { version: "0.1.0", machine: "mac-studio", now: new Date(this.now).toISOString() });
    send("health", { state: "running" });
    send("today", { wakes: 41, bytes: 212_000 });
    send("sessions", this.#sessions);
    send("needs", this.#needs);
    send("trouble", this.#problems);
    const news = after === undefined ? this.events.slice(-300) : this.events.filter(({ id }) => id > after);
    send("events", { events: news, names: names() }, this.events.length);
    this.#readers.add(send);
    return () => this.#readers.delete(send);
  }

  append(event: Omit<Event, "id" | "timestamp">): Event {
    const added = { ...event, id: this.events.length + 1, timestamp: new Date(this.now).toISOString() };
    this.events.push(added);
    this.tell("events", { events: [added], names: names() }, added.id);
    return added;
  }

  /** Adds events that look like the older ones. */
  appendMany(count: number): void {
    const added = Array.from({ length: count }, (_, i) => eventNumber(this.events.length + 1 + i, this.now));
    this.events.push(...added);
    this.tell("events", { events: added, names: names() }, this.events.length);
  }

  ask(need: Need): void {
    this.#setNeeds([...this.#needs, need]);
  }

  /** Closes a need as its terminal does. */
  close(needId: number): void {
    this.#setNeeds(this.#needs.filter(({ need_id }) => need_id !== needId));
  }

  /** Refuses an operation from now on, or no longer. */
  refuse(operation: string, error: string | undefined): void {
    if (error === undefined) this.#refusals.delete(operation);
    else this.#refusals.set(operation, error);
  }

  tell(name: string, data: unknown, id?: number): void {
    for (const send of this.#readers) send(name, data, id);
  }

  /** Runs an operation. */
  call(operation: string, args: Json): Answer {
    this.calls.push({ operation, args });
    const refusal = this.#refusals.get(operation);
    if (refusal !== undefined) return { error: refusal };
    const work = OPERATIONS[operation];
    return work === undefined ? { error: `There is no operation ${operation}.` } : work(this, args);
  }

  #setNeeds(all: Need[]): void {
    this.#needs = all;
    this.tell("needs", all);
  }

  answer({ need_id }: Json): Json {
    const need = this.#needs.find((one) => one.need_id === need_id);
    if (need === undefined) return { error: `Need ${need_id} is closed: answered in its terminal.` };
    this.#setNeeds(this.#needs.filter((one) => one !== need));
    this.#sessions = this.#sessions.map((one) =>
      one.session_id === need.session_id
        ? { ...one, state: "busy", reach: "next_tool", state_since: ago(0) }
        : one,
    );
    this.tell("sessions", this.#sessions);
    return { need_id, taken: true };
  }

  mute({ session, mute_seconds }: Json): Json {
    this.#sessions = this.#sessions.map((one) =>
      one.session_id === session ? { ...one, reach: mute_seconds === 0 ? "wakes" : "muted" } : one,
    );
    this.tell("sessions", this.#sessions);
    return { sessions: [] };
  }
}

const DAY_MS = 86_400_000;

const OPERATIONS: Readonly<Record<string, (bus: MadeUpBus, args: Json) => Answer>> = {
  sign_in: () => ({ key: "made-up" }),
  answer: (bus, args) => bus.answer(args),
  list_needs: () => [{ state: "withdrawn", reason: "answered in its terminal" }],
  publish_event: (bus, { channel, payload }) => published(bus, String(channel), String(payload), null),
  reply(bus, { event_id, payload }) {
    const asked = bus.events.find(({ id }) => id === event_id);
    if (asked === undefined) return { error: `There is no event ${event_id}. Nothing was published.` };
    return published(
      bus,
      `session:${asked.session_id}`,
      String(payload),
      asked.correlation_id ?? `event-${asked.id}`,
    );
  },
  set_attention: (bus, args) => bus.mute(args),
  get_events: found,
  get_delivery: (bus, { event_id }) => ({
    deliveries: [stepsOf(bus.events.find(({ id }) => id === event_id))],
  }),
  list_deliveries: () => attempts(),
  redeliver_webhook: () => ({ success: true }),
  set_webhook_active: () => ({ success: true }),
  mute_notifications: (_bus, { time }) => ({ muted_until: time === "always" ? time : null }),
  read_inbox: () => ({ messages: [], unread: 0 }),
};

function published(bus: MadeUpBus, channel: string, payload: string, correlation_id: string | null): Json {
  const event_type = correlation_id === null ? "message" : "answer";
  const { id } = bus.append({
    ...{ event_type, payload, channel, correlation_id, session_id: "human", origin: "person" },
    ...{ signal_level: "actionable", delivery: "stored" },
  });
  return { event_id: id };
}

function found({ events }: MadeUpBus, args: Json): Json {
  const { order, limit = 50, before, cursor, text, since, event_types, from, min_level } = args;
  const types = event_types as string[] | undefined;
  const matching = events.filter(
    (event) =>
      (before === undefined || event.id < Number(before)) &&
      (cursor === undefined || event.id > Number(cursor)) &&
      (text === undefined || event.payload.toLowerCase().includes(String(text).toLowerCase())) &&
      (since === undefined || event.timestamp >= String(since)) &&
      (types === undefined || types.includes(event.event_type)) &&
      (from === undefined || event.session_id === from) &&
      (min_level === undefined || event.signal_level === min_level),
  );
  const ordered = order === "asc" ? matching : matching.reverse();
  return {
    events: ordered.slice(0, Number(limit)),
    has_more: ordered.length > Number(limit),
    names: names(),
  };
}

/** Delivery of a message: offered at once, seen and acknowledged within the minute. */
function stepsOf(event: Event | undefined): Json {
  if (event?.delivery === undefined) return {};
  const come = ["stored", "offered", "seen", "acked"].indexOf(event.delivery);
  const after = (seconds: number) => new Date(Date.parse(event.timestamp) + seconds * 1_000).toISOString();
  return {
    state: event.delivery,
    offered_at: come >= 1 ? after(0) : null,
    seen_at: come >= 2 ? after(38) : null,
    acked_at: come >= 3 ? after(55) : null,
  };
}

const FAILED = [17, 18, 40, 42, 43, 44, 45, 46, 47, 48];

/** The last 50 deliveries of the webhook, newest first. */
function attempts(): Json[] {
  return Array.from({ length: 50 }, (_, i) => ({
    ...{ event_id: i + 1, attempts: 1, state: FAILED.includes(i) ? "pending" : "delivered" },
  })).reverse();
}
