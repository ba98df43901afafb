import { type Event, eventOf } from "../domain/event.ts";
import { metaOf } from "../domain/event_meta.ts";
import type { Draft } from "../domain/store.ts";
import { CHANNEL } from "./announcement.ts";
import { type Connection, type Named, statements } from "./connection.ts";

/** An event to insert, with its mail and deliveries. `at`: steady (ms). */
export interface Row {
  draft: Draft;
  timestamp: string;
  at: number;
}

/** An event that was inserted, and the webhooks that it was queued for. */
export interface Appended {
  event: Event;
  webhookIds: readonly number[];
}

/** Parts of a WITH. Its part `start` has the id before that of the first event. */
const ROWS = `stored AS (
    INSERT INTO events (id, event_type, payload, session_id, timestamp, channel, correlation_id, payload_meta, origin)
    SELECT before + place, event_type, payload, session_id, timestamp, channel, correlation_id, meta, origin
    FROM start, unnest($event_type::text[], $payload::text[], $session_id::text[], $timestamp::timestamptz[], $channel::text[],
      $correlation_id::text[], $meta::text[], $origin::text[]) WITH ORDINALITY AS new
      (event_type, payload, session_id, timestamp, channel, correlation_id, meta, origin, place)
  ), mailed AS (
    INSERT INTO mail (recipient, event_id) SELECT recipient, before + place
    FROM start, unnest($recipient::text[], $mail_place::bigint[]) AS new (recipient, place) ON CONFLICT DO NOTHING
  ), queued AS (
    INSERT INTO deliveries (webhook_id, event_id, created_at) SELECT webhook_id, before + place, at
    FROM start, unnest($webhook_id::bigint[], $sent_place::bigint[], $sent_at::bigint[]) AS new (webhook_id, place, at)
    ON CONFLICT DO NOTHING
  )`;

const SQL = statements({
  insert: `WITH start AS (SELECT $before::bigint AS before), ${ROWS} SELECT`,
  // No row if the active webhooks have changed. Takes the lock first, and has it until the commit.
  append: `WITH start AS (UPDATE sequencer SET last = last + $count WHERE revision = $revision RETURNING last - $count AS before),
    told AS (SELECT pg_notify('${CHANNEL}', $told) FROM start), ${ROWS} SELECT before FROM start, told`,
});

/** Inserts events behind the id `before`. For use inside a transaction that has the lock. */
export async function insert(connection: Connection, before: number, rows: readonly Row[]): Promise<void> {
  await connection.run(SQL.insert, { before, ...columnsOf(rows) });
}

/**
 * Appends events in a transaction of one statement. Undefined, and nothing was done, if the webhooks were not decided for
 * from those that are active now.
 */
export async function append(
  connection: Connection,
  rows: readonly Row[],
  told: string,
): Promise<Appended[] | undefined> {
  const revision = rows[0]?.draft.revision;
  if (rows.some(({ draft }) => draft.revision !== revision)) return undefined;
  const params = { revision, count: rows.length, told, ...columnsOf(rows) };
  const [row] = await connection.run(SQL.append, params);
  return row === undefined ? undefined : rows.map((one, i) => appended(Number(row.before) + 1 + i, one));
}

/** The event of a row, once its id is known. */
export function appended(id: number, { draft, timestamp }: Row): Appended {
  return { event: eventOf(id, timestamp, draft.event), webhookIds: draft.webhookIds };
}

/** The columns, each with its values. Places count from 1. */
function columnsOf(rows: readonly Row[]): Named {
  const events = rows.map(({ draft }) => draft.event);
  const mail = rows.flatMap(({ draft: { recipient } }, i) =>
    recipient === null ? [] : { recipient, place: i + 1 },
  );
  const sent = rows.flatMap(({ draft, at }, i) =>
    draft.webhookIds.map((webhook_id) => ({ webhook_id, at, place: i + 1 })),
  );
  return {
    event_type: events.map((one) => one.event_type),
    payload: events.map((one) => one.payload),
    session_id: events.map((one) => one.session_id),
    timestamp: rows.map((one) => one.timestamp),
    channel: events.map((one) => one.channel),
    correlation_id: events.map((one) => one.correlation_id),
    meta: events.map(metaOf),
    origin: events.map((one) => one.origin),
    recipient: mail.map((one) => one.recipient),
    mail_place: mail.map((one) => one.place),
    webhook_id: sent.map((one) => one.webhook_id),
    sent_place: sent.map((one) => one.place),
    sent_at: sent.map((one) => one.at),
  };
}
