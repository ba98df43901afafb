import type { LatestMail, Lost, Mail, NewsQuery, Offer, Unread, Waiting } from "../domain/direct_message.ts";
import type { MailStore } from "../domain/store.ts";
import { type Named, type Statement, statements } from "./connection.ts";
import { between, EVENT_COLUMNS, eventOfRow } from "./events.ts";
import { Table } from "./parts.ts";
import type { Transaction } from "./transaction.ts";

const COLUMNS = EVENT_COLUMNS.split(", ")
  .map((column) => `events.${column}`)
  .join(", ");
// One branch for each channel: a page is a bounded walk along the index, however long the backlog is.
const NEWS_OF = (channel: string) => `(SELECT ${EVENT_COLUMNS} FROM events
  WHERE ${between("channel", `${channel}::text`)} AND session_id <> $sessionId AND NOT EXISTS (SELECT 1
    FROM mail WHERE recipient = $sessionId AND event_id = events.id AND seen_at IS NOT NULL)
  ORDER BY channel DESC, id DESC LIMIT $limit)`;
/** A client takes no more along than was handed to it in a moment. */
const MOST_LOST = 50;
const ONE = "WHERE recipient = $recipient AND event_id = $eventId";
const STATE = `CASE WHEN acked_at IS NOT NULL THEN 'acked' WHEN seen_at IS NOT NULL THEN 'seen'
    WHEN offered_at IS NOT NULL THEN 'offered' ELSE 'stored' END AS state`;
const MAIL = `event_id, recipient, ${STATE}, offered_at, offered_by, seen_at, acked_at`;
const VALUE = "ON CONFLICT (key) DO UPDATE SET value = excluded.value";

const LAST_SEEN = `event_id IN (SELECT event_id FROM mail WHERE recipient = $recipient AND seen_at IS NOT NULL
      ORDER BY event_id DESC LIMIT ${MOST_LOST})`;

const SQL = statements({
  unseen: `SELECT ${COLUMNS}, offers FROM mail JOIN events ON events.id = event_id
    WHERE (recipient, event_id) > ($recipient, 0) AND (recipient, event_id) < ($recipient, ${Number.MAX_SAFE_INTEGER})
    AND seen_at IS NULL ORDER BY recipient, event_id LIMIT $limit`,
  waiting: `SELECT ${COLUMNS}, recipient FROM mail JOIN events ON events.id = event_id
    WHERE event_id > $after AND seen_at IS NULL ORDER BY event_id LIMIT $limit`,
  reviewed: "SELECT value FROM bus WHERE key = 'reviewed'",
  review: `INSERT INTO bus (key, value) VALUES ('reviewed', $upTo) ${VALUE}`,
  forget: "DELETE FROM bus WHERE key = 'reviewed'",
  mutedUntil: "SELECT value FROM bus WHERE key = 'muted_until'",
  muteUntil: `INSERT INTO bus (key, value) VALUES ('muted_until', $until) ${VALUE}`,
  counts: `SELECT recipient, count(*) AS count FROM mail
    WHERE recipient = ANY($recipients::text[]) AND seen_at IS NULL GROUP BY recipient`,
  latest: `SELECT ${MAIL}, events.session_id AS sender, events.timestamp AS sent_at FROM mail
    LEFT JOIN events ON events.id = event_id AND seen_at IS NULL ORDER BY event_id DESC LIMIT $limit`,
  news: `SELECT ${COLUMNS}, coalesce(mail.offers > 0, events.id <= sessions.offered_cursor) AS repeat
    FROM (${["$one", "$two", "$three"].map(NEWS_OF).join(" UNION ALL ")} ORDER BY id DESC LIMIT $limit) AS events
    JOIN sessions ON sessions.id = $sessionId
    LEFT JOIN mail ON mail.recipient = $sessionId AND mail.event_id = events.id ORDER BY events.id`,
  offered: `SELECT offering.id FROM unnest($eventIds::bigint[]) AS offering (id) JOIN sessions ON sessions.id = $sessionId
    LEFT JOIN mail ON recipient = $sessionId AND event_id = offering.id WHERE coalesce(offers > 0, offering.id <= offered_cursor)`,
  of: `SELECT ${MAIL} FROM mail WHERE event_id = $eventId ORDER BY recipient COLLATE "C"`,
  offer: `INSERT INTO mail (recipient, event_id, offered_at, offered_by, offers)
    SELECT $recipient, id, $at, $by, 1 FROM unnest($eventIds::bigint[]) AS id
    ON CONFLICT (recipient, event_id) DO UPDATE SET offered_at = $at, offered_by = $by, offers = mail.offers + 1`,
  offerUpTo: "UPDATE sessions SET offered_cursor = greatest(offered_cursor, $upTo) WHERE id = $sessionId",
  see: "UPDATE mail SET seen_at = $at WHERE recipient = $recipient AND event_id = ANY($eventIds::bigint[]) AND seen_at IS NULL",
  loseFrom: `UPDATE mail SET seen_at = NULL WHERE recipient = $recipient AND seen_at >= $from AND acked_at IS NULL
    AND ${LAST_SEEN}`,
  lose: `UPDATE mail SET seen_at = NULL WHERE recipient = $recipient AND event_id = ANY($eventIds::bigint[])
    AND acked_at IS NULL`,
  doubtful: `SELECT event_id FROM mail WHERE recipient = $recipient AND seen_at >= $from AND acked_at IS NULL
    AND offered_by IN ('prompt', 'tool', 'stop', 'wake') AND ${LAST_SEEN} ORDER BY event_id`,
  release: `UPDATE mail SET offers = offers - 1, offered_at = CASE WHEN offers > 1 THEN offered_at END,
      offered_by = CASE WHEN offers > 1 THEN offered_by END ${ONE} AND seen_at IS NULL AND offers > 0`,
  releaseFrom:
    "UPDATE sessions SET offered_cursor = least(offered_cursor, $eventId - 1) WHERE id = $recipient",
  seeRange: `UPDATE mail
    SET seen_at = $at, offered_at = coalesce(offered_at, $at), offered_by = coalesce(offered_by, 'read')
    WHERE recipient = $recipient AND event_id BETWEEN $from AND $to AND seen_at IS NULL`,
  ackUpTo: `UPDATE mail SET acked_at = $at, seen_at = coalesce(seen_at, $at)
    WHERE recipient = $recipient AND event_id <= $cursor AND acked_at IS NULL`,
  ack: `UPDATE mail SET acked_at = $at, seen_at = coalesce(seen_at, $at) ${ONE} AND acked_at IS NULL`,
  // A message that both have stays where it is.
  forward: `UPDATE mail SET recipient = $to WHERE recipient = $from AND seen_at IS NULL
    AND NOT EXISTS (SELECT 1 FROM mail AS own WHERE own.recipient = $to AND own.event_id = mail.event_id)`,
});

/** Direct messages. */
export class MailTable extends Table implements MailStore {
  readonly #listeners: ((recipient: string) => void)[] = [];

  async of(eventId: number): Promise<Mail[]> {
    return (await this.rows(SQL.of, { eventId })) as unknown as Mail[];
  }

  async unseen(recipient: string, limit: number): Promise<Unread[]> {
    const rows = await this.rows(SQL.unseen, { recipient, limit });
    return rows.map((row) => ({ event: eventOfRow(row), repeat: Number(row.offers) > 0 }));
  }

  async count(recipient: string): Promise<number> {
    return (await this.counts([recipient])).get(recipient) ?? 0;
  }

  async counts(recipients: readonly string[]): Promise<Map<string, number>> {
    const rows = await this.rows(SQL.counts, { recipients });
    return new Map(rows.map(({ recipient, count }) => [String(recipient), Number(count)]));
  }

  async latest(limit: number): Promise<LatestMail[]> {
    return (await this.rows(SQL.latest, { limit })) as unknown as LatestMail[];
  }

  async news({ channels: [one, two, three], ...query }: NewsQuery): Promise<Unread[]> {
    const rows = await this.rows(SQL.news, { ...query, one, two, three });
    return rows.map((row) => ({ event: eventOfRow(row), repeat: row.repeat === true }));
  }

  offer({ sessionId, single, others, by }: Offer): Promise<ReadonlySet<number>> {
    return this.parts.writer.write(async (transaction) => {
      const [eventIds, upTo] = [single.map(({ id }) => id), others.map(({ id }) => id)];
      const before = await transaction.run(SQL.offered, { sessionId, eventIds: [...eventIds, ...upTo] });
      if (eventIds.length > 0)
        await transaction.run(SQL.offer, { recipient: sessionId, eventIds, by, at: this.at() });
      if (upTo.length > 0) await transaction.run(SQL.offerUpTo, { sessionId, upTo: Math.max(...upTo) });
      return new Set(before.map(({ id }) => Number(id)));
    });
  }

  acknowledge(recipient: string, eventId: number): Promise<void> {
    return this.parts.writer.write((transaction) =>
      this.#change(transaction, SQL.ack, { recipient, eventId, at: this.at() }),
    );
  }

  see(recipient: string, eventIds: readonly number[], unshown: readonly number[]): Promise<void> {
    return this.parts.writer.write(async (transaction) => {
      await this.#change(transaction, SQL.see, { recipient, eventIds, at: this.at() });
      for (const eventId of unshown)
        if ((await transaction.run(SQL.release, { recipient, eventId })).count === 0)
          await transaction.run(SQL.releaseFrom, { recipient, eventId });
    });
  }

  lose(recipient: string, eventIds: readonly number[]): Promise<void> {
    return this.parts.writer.write((transaction) =>
      this.#change(transaction, SQL.lose, { recipient, eventIds }),
    );
  }

  async waiting(after: number, limit: number): Promise<Waiting[]> {
    const rows = await this.rows(SQL.waiting, { after, limit });
    return rows.map((row) => ({ event: eventOfRow(row), recipient: String(row.recipient) }));
  }

  async reviewed(): Promise<number | null> {
    const [row] = await this.rows(SQL.reviewed);
    return row === undefined ? null : Number(row.value);
  }

  review(upTo: number | null): Promise<void> {
    return this.parts.writer.write(async (transaction) => {
      if (upTo === null) await transaction.run(SQL.forget);
      else await transaction.run(SQL.review, { upTo: String(upTo) });
    });
  }

  async mutedUntil(): Promise<number> {
    return Number((await this.rows(SQL.mutedUntil))[0]?.value ?? 0);
  }

  muteUntil(until: number): Promise<void> {
    return this.parts.writer.write(async (transaction) => {
      await transaction.run(SQL.muteUntil, { until: String(until) });
    });
  }

  listen(onSeen: (recipient: string) => void): void {
    this.#listeners.push(onSeen);
  }

  /** Marks what a read from `from` to `to` (ids, both included) returned as seen. */
  seeRange(transaction: Transaction, recipient: string, from: number, to: number): Promise<void> {
    return this.#change(transaction, SQL.seeRange, { recipient, from, to, at: this.at() });
  }

  /** Marks everything up to `cursor` as acknowledged. */
  ackUpTo(transaction: Transaction, recipient: string, cursor: number): Promise<void> {
    return this.#change(transaction, SQL.ackUpTo, { recipient, cursor, at: this.at() });
  }

  /** Makes messages that a client took along unread again. */
  loseWith(transaction: Transaction, { sessionId: recipient, from }: Lost): Promise<void> {
    return this.#change(transaction, SQL.loseFrom, { recipient, from });
  }

  /** Messages that hooks have shown to a client, which may have taken them along. */
  async doubtful(
    transaction: Transaction,
    { sessionId: recipient, shownFrom: from }: Lost,
  ): Promise<number[]> {
    return (await transaction.run(SQL.doubtful, { recipient, from })).map(({ event_id }) => Number(event_id));
  }

  /** Gives the unseen direct messages of `from` to `to`. */
  async forward(transaction: Transaction, from: string, to: string): Promise<void> {
    if ((await transaction.run(SQL.forward, { from, to })).count > 0) transaction.readers.add(from);
  }

  /** Tells whose messages were seen. */
  tell(readers: Iterable<string>): void {
    for (const recipient of readers) for (const listener of this.#listeners) listener(recipient);
  }

  async #change(
    transaction: Transaction,
    statement: Statement,
    params: Named & { recipient: string },
  ): Promise<void> {
    if ((await transaction.run(statement, params)).count > 0) transaction.readers.add(params.recipient);
  }
}
