import { type Event, type EventDraft, eventOf } from "../domain/event.ts";
import { metaOf } from "../domain/event_meta.ts";
import type { Connection, Named, Result, Statement } from "./connection.ts";
import { statements } from "./connection.ts";

const SQL = statements({
  events: `INSERT INTO events (id, event_type, payload, session_id, timestamp, channel, correlation_id, payload_meta, origin)
    SELECT * FROM unnest($id::bigint[], $event_type::text[], $payload::text[], $session_id::text[], $timestamp::timestamptz[],
      $channel::text[], $correlation_id::text[], $meta::text[], $origin::text[])`,
  mail: `INSERT INTO mail (recipient, event_id) SELECT * FROM unnest($recipient::text[], $event_id::bigint[])
    ON CONFLICT DO NOTHING`,
  deliveries: `INSERT INTO deliveries (webhook_id, event_id, created_at)
    SELECT * FROM unnest($webhook_id::bigint[], $event_id::bigint[], $created_at::bigint[]) ON CONFLICT DO NOTHING`,
});

interface Appended {
  event: Event;
  draft: EventDraft;
  recipient: string | null;
  webhookIds: readonly number[];
  at: number;
}

/** One transaction, which holds the lock of the sequencer from its begin on. */
export class Transaction implements Connection {
  readonly #connection: Connection;
  /** Appended, and not yet sent to the database. */
  #waiting: Appended[] = [];
  /** The id of the newest event, and the number that changes with the active webhooks. */
  last: number;
  revision: number;
  /** Told after the commit: events, recipients whose messages were seen, and needs that were opened or changed. */
  readonly appended: { event: Event; webhookIds: readonly number[] }[] = [];
  readonly readers = new Set<string>();
  readonly needs = new Set<number>();
  /** A webhook, or what is known of its receiver, is not what it was before. */
  changesWebhooks = false;

  constructor(connection: Connection, last: number, revision: number) {
    this.#connection = connection;
    this.last = last;
    this.revision = revision;
  }

  /** Runs a statement after everything that was appended before it. */
  async run(statement: Statement, params?: Named): Promise<Result> {
    await this.flush();
    return this.#connection.run(statement, params);
  }

  /** Appends an event with its mail and deliveries. Many of a transaction reach the database together. `at`: steady (ms). */
  append(
    draft: EventDraft,
    timestamp: string,
    { recipient, webhookIds }: { recipient: string | null; webhookIds: readonly number[] },
    at: number,
  ): Event {
    const event = eventOf(++this.last, timestamp, draft);
    this.#waiting.push({ event, draft, recipient, webhookIds, at });
    this.appended.push({ event, webhookIds });
    return event;
  }

  async flush(): Promise<void> {
    const waiting = this.#waiting;
    this.#waiting = [];
    if (waiting.length === 0) return;
    const mail = waiting.filter(({ recipient }) => recipient !== null);
    const sent = waiting.flatMap(({ event, webhookIds, at }) =>
      webhookIds.map((webhook_id) => ({ webhook_id, event_id: event.id, created_at: at })),
    );
    await Promise.all([
      this.#connection.run(SQL.events, rowsOf(waiting)),
      mail.length > 0 &&
        this.#connection.run(SQL.mail, {
          recipient: mail.map(({ recipient }) => recipient),
          event_id: mail.map(({ event }) => event.id),
        }),
      sent.length > 0 &&
        this.#connection.run(SQL.deliveries, {
          webhook_id: sent.map((one) => one.webhook_id),
          event_id: sent.map((one) => one.event_id),
          created_at: sent.map((one) => one.created_at),
        }),
    ]);
  }
}

/** The columns of events, each with its values. */
function rowsOf(waiting: readonly Appended[]): Named {
  const events = waiting.map(({ event }) => event);
  return {
    id: events.map(({ id }) => id),
    event_type: events.map(({ event_type }) => event_type),
    payload: events.map(({ payload }) => payload),
    session_id: events.map(({ session_id }) => session_id),
    timestamp: events.map(({ timestamp }) => timestamp),
    channel: events.map(({ channel }) => channel),
    correlation_id: events.map(({ correlation_id }) => correlation_id),
    meta: waiting.map(({ draft }) => metaOf(draft)),
    origin: waiting.map(({ draft }) => draft.origin),
  };
}
