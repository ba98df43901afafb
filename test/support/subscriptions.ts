import { LOCAL } from "../../src/domain/caller.ts";
import { type Event, eventOf } from "../../src/domain/event.ts";
import type { Wait } from "../../src/domain/subscriptions.ts";
import type { SubscriptionsOptions } from "../../src/serve/subscriptions.ts";

/** A log of events in memory, as subscriptions read it. */
export function logOf() {
  const log: Event[] = [];
  const tip = () => log.length;
  return {
    /** Appends an event and returns it; nobody is woken. */
    append(event_type: string): Event {
      const draft = { event_type, payload: "", session_id: "s", channel: "all", origin: null };
      const event = eventOf(log.length + 1, new Date(0).toISOString(), draft);
      log.push(event);
      return event;
    },
    /** How often it was read. */
    reads: 0,
    options(most: number, holds = () => true): SubscriptionsOptions {
      return {
        most,
        holds,
        events: {
          tip: async () => tip(),
          read: async ({ after = 0, limit }) => {
            this.reads++;
            const events = log.slice(after, after + limit);
            const highest = events.at(-1)?.id ?? 0;
            return { events, highest, full: events.length === limit, mail: false, tip: tip() };
          },
        },
      };
    },
  };
}

/** A wait of a caller of this machine. */
export function waitOf(wait: Partial<Wait> = {}, signal = new AbortController().signal): Wait {
  return { call: { caller: LOCAL, signal, progress() {} }, seconds: 60, ...wait };
}
