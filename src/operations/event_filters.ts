import type { Bus } from "../domain/context.ts";
import { parseCursor } from "../domain/cursor.ts";
import { ANONYMOUS, BUS_ITSELF, type Event, PERSON, PERSON_CHANNEL } from "../domain/event.ts";
import type { SearchQuery } from "../domain/store.ts";
import type { Json } from "../lib/json.ts";
import { formsOf } from "../lib/unicode_form.ts";
import type { Query } from "./events_query.ts";

/** Filters of a read that the store needs in another form than the caller gives them. */
export type Filters = Pick<SearchQuery, "after" | "before" | "text" | "senders" | "channels">;

/** The filters of a read, or the answer to one that names what the bus does not know. */
export async function filtersOf(bus: Bus, args: Query): Promise<Filters | { answer: Json }> {
  const { since, before, text, from, to } = args;
  const filters: Filters = { text: text || undefined, before: parseCursor(before) ?? undefined };
  if (since) {
    const at = timeOf(since);
    if (Number.isNaN(at)) return { answer: noTime(since) };
    filters.after = await bus.store.search.lastBefore(at);
  }
  if (from) {
    filters.senders = await sendersNamed(bus, from);
    if (filters.senders.length === 0) return { answer: unknown(from) };
  }
  if (to) {
    filters.channels = await channelsNamed(bus, to);
    if (filters.channels.length === 0) return { answer: unknown(to) };
  }
  return filters;
}

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)$/i;

function timeOf(text: string): number {
  return TIME.test(text) ? Date.parse(text.toUpperCase()) : Number.NaN;
}

function noTime(since: string): Json {
  return {
    error: `"${since}" is not a time.`,
    hint: "since takes a time with its zone, like 2026-11-01T10:00:00Z.",
  };
}

function unknown(name: string): Json {
  return {
    error: `No session called "${name}" is known here.`,
    hint: "Give a name, a display id, a session id, @human or anonymous. list_sessions shows who is here.",
  };
}

/** The session ids under which the one of that name publishes. */
async function sendersNamed(bus: Bus, name: string): Promise<readonly string[]> {
  const target = withoutKind(name);
  if (isPerson(target)) return [PERSON];
  if (target === ANONYMOUS || target === BUS_ITSELF) return [target];
  const ids = await idsNamed(bus, target);
  if (ids.length > 0) return ids;
  // Programs may publish under an id that never registered.
  const { events } = await bus.store.search.find({ senders: [target], limit: 1, order: "desc" });
  return events.length > 0 ? [target] : [];
}

/** The channels of what is meant for the one of that name, or the channel itself. */
async function channelsNamed(bus: Bus, name: string): Promise<readonly string[]> {
  if (name === "all" || (name.includes(":") && !name.startsWith("session:"))) return formsOf(name);
  const target = withoutKind(name);
  if (isPerson(target)) return [PERSON_CHANNEL];
  const own = formsOf(target).flatMap((form) => [
    `session:${form}`,
    ...(target.startsWith("@") ? [] : [`session:@${form}`]),
    ...(target === name ? [form] : []),
  ]);
  const used = await Promise.all(own.map((channel) => bus.store.events.count(channel, 0, LAST_ID, 1)));
  const ids = await idsNamed(bus, target);
  return [...new Set([...ids.map((id) => `session:${id}`), ...own.filter((_, i) => used[i] !== 0)])];
}

const LAST_ID = Number.MAX_SAFE_INTEGER;

function withoutKind(name: string): string {
  return name.startsWith("session:") ? name.slice("session:".length) : name;
}

function isPerson(target: string): boolean {
  return target === PERSON || target === `@${PERSON}`;
}

async function idsNamed({ store: { sessions } }: Bus, target: string): Promise<string[]> {
  const claimed = target.startsWith("@") ? target.slice(1) : target;
  const holder = await sessions.holder(claimed);
  const ids = await Promise.all([
    target === claimed ? sessions.idsOf(target) : [],
    holder === undefined ? [] : sessions.idsOf(holder.session_id),
  ]);
  return [...new Set(ids.flat())];
}

/** Names of the senders and of the recipients of direct messages, by session id. */
export async function namesIn(bus: Bus, events: readonly Event[]): Promise<Record<string, string>> {
  const ids = events.flatMap(({ session_id, channel }) => [
    session_id,
    ...(channel.startsWith("session:") ? [withoutKind(channel)] : []),
  ]);
  const sessions = [...new Set(ids)].map(async (id) => [id, (await bus.store.sessions.get(id))?.name]);
  return Object.fromEntries((await Promise.all(sessions)).filter(([, name]) => name !== undefined));
}
