import { type Event, type EventDraft, eventOf } from "../domain/event.ts";
import { metaOf, parseMeta } from "../domain/event_meta.ts";
import type { EventQuery } from "../domain/store.ts";
import { formsOf } from "../lib/unicode_form.ts";
import type { Named, Row } from "../runtime/runtime.ts";
import { storedTime, wireTime } from "./time.ts";

/** The columns of an event, separated by comma and space. */
export const EVENT_COLUMNS =
  "id, event_type, payload, session_id, timestamp, channel, correlation_id, payload_meta, origin";

/** The SQL of a query. Queries of one shape share it. */
export function selectSql(query: EventQuery): string {
  const order = query.order === "asc" ? "ASC" : "DESC";
  const filters = ["id > $after", "id < $before"];
  if (query.correlation_id !== undefined) filters.push("correlation_id = $correlation_id");
  const channels = channelsOf(query).map((_, i) => `channel = $channel${i}`);
  const types = (query.event_types ?? []).map((_, i) => `event_type = $type${i}`);
  // One branch for each wanted channel and type: each is a bounded walk along its index, whatever the others hold.
  const branch = (filter: readonly string[]) =>
    `SELECT * FROM (SELECT ${EVENT_COLUMNS} FROM events WHERE ${filter.join(" AND ")} ORDER BY id ${order} LIMIT $limit)`;
  const branches = branchesOf(channels, types).map((wanted) => branch([...filters, ...wanted]));
  return `${branches.join(" UNION ALL ")} ORDER BY id ${order} LIMIT $limit`;
}

/** The forms of the wanted channel. Empty for every channel. */
export function channelsOf({ channel }: Pick<EventQuery, "channel">): readonly string[] {
  return channel === undefined ? [] : formsOf(channel);
}

/** Each combination of one filter of each list. A list without any restricts nothing. */
function branchesOf(channels: readonly string[], types: readonly string[]): string[][] {
  const ofChannels = channels.length === 0 ? [[]] : channels.map((channel) => [channel]);
  return types.length === 0
    ? ofChannels
    : ofChannels.flatMap((wanted) => types.map((type) => [...wanted, type]));
}

export type Params = Record<string, string | number> & { after: number; before: number };

export function paramsOf(query: EventQuery): Params {
  const params: Params = { after: query.after ?? 0, before: query.before ?? Number.MAX_SAFE_INTEGER };
  for (const [i, channel] of channelsOf(query).entries()) params[`channel${i}`] = channel;
  if (query.correlation_id !== undefined) params.correlation_id = query.correlation_id;
  for (const [i, type] of (query.event_types ?? []).entries()) params[`type${i}`] = type;
  return params;
}

export function rowOf(draft: EventDraft, timestamp: string): Named {
  const { event_type, payload, session_id, channel, correlation_id = null, origin } = draft;
  const [time, meta] = [storedTime(timestamp), metaOf(draft)];
  return { event_type, payload, session_id, timestamp: time, channel, correlation_id, meta, origin };
}

export function eventOfRow(row: Row): Event {
  return eventOf(Number(row.id), wireTime(row.timestamp), {
    event_type: String(row.event_type),
    payload: String(row.payload),
    session_id: String(row.session_id),
    channel: String(row.channel),
    correlation_id: row.correlation_id === null ? null : String(row.correlation_id),
    origin: row.origin === null ? null : String(row.origin),
    ...(row.payload_meta === null ? {} : parseMeta(String(row.payload_meta))),
  });
}
