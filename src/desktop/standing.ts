import type { Event } from "../domain/event.ts";
import { answeredBy } from "../domain/notification.ts";

/** The events that one notification stands for. */
export interface Standing {
  group: string;
  /** The recipient whose reading ends it. Null if answers end it. */
  reader: string | null;
  /** Ids of its events, by what ends them: the id itself, or the correlation id of an answer. */
  open: Map<string, number>;
  /** Shown just now, so that it stays for a moment. */
  isFresh: boolean;
}

/** Notifications that are remembered. A forgotten one stays until the user closes it. */
const MOST_NOTICES = 200;
const MOST_EVENTS = 1_000;

/** The notifications that stand. */
export class StandingNotices {
  readonly #byGroup = new Map<string, Standing>();

  add(group: string, reader: string | null, event: Event): Standing {
    const notice = this.#byGroup.get(group) ?? { group, reader, open: new Map(), isFresh: false };
    notice.open.set(reader === null ? answeredBy(event) : String(event.id), event.id);
    dropOldest(notice.open, MOST_EVENTS);
    this.#byGroup.delete(group);
    this.#byGroup.set(group, notice);
    dropOldest(this.#byGroup, MOST_NOTICES);
    return notice;
  }

  has(group: string, eventId: number): boolean {
    return this.#byGroup.get(group)?.open.has(String(eventId)) ?? false;
  }

  remove({ group }: Standing): void {
    this.#byGroup.delete(group);
  }

  readBy(recipient: string): Standing[] {
    return [...this.#byGroup.values()].filter(({ reader }) => reader === recipient);
  }

  /** Takes away what an answer ends, and returns the notifications that it belonged to. */
  answered(correlationId: string): Standing[] {
    return [...this.#byGroup.values()].filter(
      ({ reader, open }) => reader === null && open.delete(correlationId),
    );
  }
}

function dropOldest(map: Map<string, unknown>, most: number): void {
  const [oldest] = map.keys();
  if (oldest !== undefined && map.size > most) map.delete(oldest);
}
