import type { Event } from "../domain/event.ts";
import { answeredBy } from "../domain/notification.ts";

/** The events that one notification stands for. */
export interface Need {
  group: string;
  /** The recipient whose reading ends it. Null if answers end it. */
  reader: string | null;
  /** Ids of its events, by what ends them: the id itself, or the correlation id of an answer. */
  open: Map<string, number>;
  /** Shown just now, so that it stays for a moment. */
  isFresh: boolean;
}

/** Notifications that are remembered. A forgotten one stays until the user closes it. */
const MOST_NEEDS = 200;
const MOST_EVENTS = 1_000;

/** The needs that were shown and not met yet. */
export class Needs {
  readonly #byGroup = new Map<string, Need>();

  add(group: string, reader: string | null, event: Event): Need {
    const need = this.#byGroup.get(group) ?? { group, reader, open: new Map(), isFresh: false };
    need.open.set(reader === null ? answeredBy(event) : String(event.id), event.id);
    dropOldest(need.open, MOST_EVENTS);
    this.#byGroup.delete(group);
    this.#byGroup.set(group, need);
    dropOldest(this.#byGroup, MOST_NEEDS);
    return need;
  }

  has(group: string, eventId: number): boolean {
    return this.#byGroup.get(group)?.open.has(String(eventId)) ?? false;
  }

  remove({ group }: Need): void {
    this.#byGroup.delete(group);
  }

  readBy(recipient: string): Need[] {
    return [...this.#byGroup.values()].filter(({ reader }) => reader === recipient);
  }

  /** Takes away what an answer ends, and returns the needs that it belonged to. */
  answered(correlationId: string): Need[] {
    return [...this.#byGroup.values()].filter(
      ({ reader, open }) => reader === null && open.delete(correlationId),
    );
  }
}

function dropOldest(map: Map<string, unknown>, most: number): void {
  const [oldest] = map.keys();
  if (oldest !== undefined && map.size > most) map.delete(oldest);
}
