import { isFromYou } from "./parties.ts";
import type { Event } from "./types.ts";
import { dayOf } from "./words.ts";

/** One row of the stream. `reply`: drawn below the message that it answers, the last of its thread or not. */
export type Row =
  | { kind: "day"; key: string; time: string }
  | { kind: "fresh"; key: string; since: number }
  | { kind: "earlier"; key: string; thread: string; count: number; isOpen: boolean }
  | { kind: "fold"; key: string; events: readonly Event[] }
  | { kind: "event"; key: string; event: Event; reply?: "mid" | "last"; isAnswered: boolean };

export interface View {
  /** When the person last looked (ms since 1970). 0 if never. */
  lookedAt: number;
  /** Threads that are shown whole. */
  whole: ReadonlySet<string>;
}

/** True for rows of one key that show the same. */
export function isSameRow(a: Row, b: Row): boolean {
  if (a.kind === "event" && b.kind === "event")
    return a.event === b.event && a.reply === b.reply && a.isAnswered === b.isAnswered;
  if (a.kind === "earlier" && b.kind === "earlier") return a.count === b.count && a.isOpen === b.isOpen;
  if (a.kind === "fold" && b.kind === "fold") return a.events.length === b.events.length;
  return a.kind === b.kind && (a.kind !== "fresh" || b.kind !== "fresh" || a.since === b.since);
}

/** Type of the record that the person answered a dialog. */
export const NEED_ANSWERED = "need_answered";
/** Replies of a thread that are shown unless it is opened. */
const LAST_REPLIES = 2;

/** True for what is folded: sessions that come and go, and other signs of life. */
export function isFolded({ signal_level, event_type }: Event): boolean {
  return signal_level === "lifecycle" && event_type !== NEED_ANSWERED;
}

/** Events of one thread have the same. */
export function threadOf({ correlation_id, id }: Event): string {
  return correlation_id ?? `event-${id}`;
}

/** The rows of events in order. A thread stands where its newest message is, and others between are folded. */
export function rowsOf(events: readonly Event[], view: View): Row[] {
  const threads = threadsOf(events);
  const maker = new RowMaker(view);
  for (const event of events)
    if (isFolded(event)) maker.fold(event);
    else {
      const thread = threads.get(threadOf(event)) ?? [event];
      if (thread.at(-1) === event) maker.thread(thread);
    }
  return maker.done();
}

function threadsOf(events: readonly Event[]): Map<string, Event[]> {
  const threads = new Map<string, Event[]>();
  for (const event of events) {
    if (isFolded(event)) continue;
    const key = threadOf(event);
    const thread = threads.get(key);
    if (thread === undefined) threads.set(key, [event]);
    else thread.push(event);
  }
  return threads;
}

class RowMaker {
  readonly #rows: Row[] = [];
  readonly #view: View;
  #folded: Event[] = [];
  #day: number | undefined;
  #isFresh = false;
  #minute = "";
  #dayOfMinute = 0;

  constructor(view: View) {
    this.#view = view;
  }

  fold(event: Event): void {
    this.#begin(event.timestamp, true);
    this.#folded.push(event);
  }

  thread(thread: readonly Event[]): void {
    const newest = thread.at(-1);
    if (newest === undefined) return;
    this.#begin(newest.timestamp, isFromYou(newest));
    this.#flush();
    const [first, ...replies] = thread;
    if (first === undefined) return;
    const key = threadOf(first);
    const isOpen = this.#view.whole.has(key);
    const hidden = replies.length - LAST_REPLIES;
    const shown = isOpen || hidden <= 0 ? replies : replies.slice(hidden);
    this.#event(first, thread);
    if (hidden > 0)
      this.#rows.push({ kind: "earlier", key: `earlier-${first.id}`, thread: key, count: hidden, isOpen });
    for (const [index, event] of shown.entries())
      this.#event(event, thread, index === shown.length - 1 ? "last" : "mid");
  }

  done(): Row[] {
    this.#flush();
    return this.#rows;
  }

  /** Begins a new day, or what is new to the person. */
  #begin(time: string, isOwn: boolean): void {
    const day = this.#dayOf(time);
    if (day !== this.#day) {
      this.#flush();
      this.#day = day;
      this.#rows.push({ kind: "day", key: `day-${day}`, time });
    }
    const { lookedAt } = this.#view;
    if (this.#isFresh || isOwn || lookedAt === 0 || Date.parse(time) <= lookedAt) return;
    this.#flush();
    this.#isFresh = true;
    this.#rows.push({ kind: "fresh", key: "fresh", since: lookedAt });
  }

  /** Local day of a time. Those of one minute are of one day. */
  #dayOf(time: string): number {
    const minute = time.slice(0, 16);
    if (minute !== this.#minute) {
      this.#minute = minute;
      this.#dayOfMinute = dayOf(time);
    }
    return this.#dayOfMinute;
  }

  #flush(): void {
    const [first] = this.#folded;
    if (first !== undefined) this.#rows.push({ kind: "fold", key: `fold-${first.id}`, events: this.#folded });
    this.#folded = [];
  }

  #event(event: Event, thread: readonly Event[], reply?: "mid" | "last"): void {
    const isAnswered = thread.some((other) => other.id > event.id && isFromYou(other));
    this.#rows.push({
      kind: "event",
      key: `event-${event.id}`,
      event,
      ...(reply !== undefined && { reply }),
      isAnswered,
    });
  }
}
