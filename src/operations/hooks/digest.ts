import { type Bus, here } from "../../domain/context.ts";
import type { Event } from "../../domain/event.ts";
import type { Inbox } from "../../domain/inbox.ts";
import { isAlive, type Session, sharedChannels } from "../../domain/session.ts";
import type { Json } from "../../lib/json.ts";

/** Senders that are named. A hook shows fewer. */
const MOST_NAMED = 50;

/** Older events that are counted, for each channel. */
const MOST_COUNTED = 10_000;

/** The senders of one answer, each looked up once. */
export class Senders {
  readonly #bus: Bus;
  readonly #known = new Map<string, Promise<Json>>();

  constructor(bus: Bus) {
    this.#bus = bus;
  }

  get(sessionId: string): Promise<Json> {
    const known = this.#known.get(sessionId) ?? senderOf(this.#bus, sessionId);
    this.#known.set(sessionId, known);
    return known;
  }

  async nameOf(sessionId: string): Promise<string> {
    if (!this.#known.has(sessionId) && this.#known.size >= MOST_NAMED) return sessionId;
    return String((await this.get(sessionId)).name);
  }

  /** The number of events of each sender, by name. */
  async counted(events: readonly Event[]): Promise<Record<string, number>> {
    const counts = new Map<string, number>();
    for (const [sender, { length }] of Map.groupBy(events, ({ session_id }) => session_id)) {
      const name = await this.nameOf(sender);
      counts.set(name, (counts.get(name) ?? 0) + length);
    }
    return Object.fromEntries(counts);
  }
}

/** The sender of an event, as hooks show it. */
export async function senderOf(bus: Bus, sessionId: string): Promise<Json> {
  const sender = await bus.store.sessions.get(sessionId);
  if (sender === undefined) return { name: sessionId };
  const { name, display_id, repo, machine } = sender;
  return { name, display_id, repo, machine, here: isAlive(sender, here(bus)) };
}

export function isDigested({ digest, olderThan, muted }: Inbox): boolean {
  return digest.length > 0 || olderThan > 0 || muted > 0;
}

/** The events as numbers: since when, by sender and type, and how to read those of each channel. */
export async function digestOf(bus: Bus, session: Session, inbox: Inbox, senders: Senders): Promise<Json> {
  const { digest, olderThan, muted } = inbox;
  const kinds = Map.groupBy(digest, ({ session_id, event_type }) => `${session_id}\n${event_type}`);
  const groups = [];
  for (const [event, ...others] of [...kinds.values()].sort((a, b) => b.length - a.length))
    if (event !== undefined)
      groups.push({
        from: await senders.nameOf(event.session_id),
        event_type: event.event_type,
        count: others.length + 1,
      });
  return {
    ...{ count: digest.length, since: digest[0]?.timestamp, groups },
    reads: await readsOf(bus, session, inbox),
    ...(olderThan > 0 && (await olderOf(bus, session, inbox))),
    ...(muted > 0 && { muted, muted_until: new Date(session.muted_until).toISOString() }),
  };
}

/** An upper bound of the events that were not looked at: some may be lifecycle events, or the session's own. */
async function olderOf(bus: Bus, session: Session, { from, olderThan }: Inbox): Promise<Json> {
  const counts: number[] = [];
  for (const channel of sharedChannels(session))
    counts.push(await bus.store.events.count(channel, from + 1, olderThan - 1, MOST_COUNTED));
  const older = counts.reduce((sum, count) => sum + count);
  return { older, ...(counts.includes(MOST_COUNTED) && { older_more: true }) };
}

/** The calls that read the events of each channel. They also return what the session sent or was shown in between. */
async function readsOf(bus: Bus, session: Session, { digest, from, olderThan }: Inbox): Promise<Json[]> {
  const older = olderThan > 0;
  const most = bus.limits.events_per_read;
  const reads: Json[] = [];
  for (const channel of sharedChannels(session)) {
    const events = digest.filter((event) => event.channel === channel);
    const first = older ? from + 1 : events[0]?.id;
    const last = older ? Number.MAX_SAFE_INTEGER : events.at(-1)?.id;
    if (first === undefined || last === undefined) continue;
    const count = await bus.store.events.count(channel, first, last, most);
    if (count === 0) continue;
    // Only what is below `info` is never counted.
    const hides = older || count > events.length;
    reads.push({ channel, cursor: String(first - 1), count, ...(hides && { min_level: "info" }) });
  }
  return reads;
}
