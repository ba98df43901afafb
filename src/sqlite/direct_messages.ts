import type { LatestMail, Lost, Mail, NewsQuery, Offer, Unread, Waiting } from "../domain/direct_message.ts";
import type { MailStore } from "../domain/store.ts";
import type { Named, Row } from "../runtime/runtime.ts";
import { EVENT_COLUMNS, eventOfRow } from "./event_sql.ts";
import { type Parts, Table } from "./parts.ts";
import { storedTime, wireTimeOrNull } from "./time.ts";

const COLUMNS = EVENT_COLUMNS.split(", ")
  .map((column) => `events.${column}`)
  .join(", ");
// One branch for each channel: a page is a bounded walk along the index, however long the backlog is.
const NEWS_OF = (channel: string) => `SELECT * FROM (SELECT ${EVENT_COLUMNS} FROM events
  WHERE channel = ${channel} AND id > $after AND id < $before AND session_id <> $sessionId AND NOT EXISTS (SELECT 1
    FROM mail WHERE recipient = $sessionId AND event_id = events.id AND seen_at IS NOT NULL)
  ORDER BY id DESC LIMIT $limit)`;
/** A client takes no more along than was handed to it in a moment. */
const MOST_LOST = 50;
const LAST_SEEN = `event_id IN (SELECT event_id FROM mail WHERE recipient = $recipient AND seen_at IS NOT NULL
      ORDER BY event_id DESC LIMIT ${MOST_LOST})`;
const ONE = "WHERE recipient = $recipient AND event_id = $eventId";

const STATE = `CASE WHEN acked_at IS NOT NULL THEN 'acked' WHEN seen_at IS NOT NULL THEN 'seen'
    WHEN offered_at IS NOT NULL THEN 'offered' ELSE 'stored' END AS state`;
const MAIL = `event_id, recipient, ${STATE}, offered_at, offered_by, seen_at, acked_at`;

const SQL = {
  post: "INSERT OR IGNORE INTO mail (recipient, event_id) VALUES ($recipient, $eventId)",
  // Left to itself, SQLite takes the primary key and walks everything that was seen.
  unseen: `SELECT ${COLUMNS}, offers FROM mail INDEXED BY mail_unseen JOIN events ON events.id = event_id
    WHERE recipient = $recipient AND seen_at IS NULL ORDER BY event_id LIMIT $limit`,
  waiting: `SELECT ${COLUMNS}, recipient FROM mail INDEXED BY mail_by_event JOIN events ON events.id = event_id
    WHERE event_id > $after AND seen_at IS NULL ORDER BY event_id LIMIT $limit`,
  reviewed: "SELECT value FROM bus WHERE key = 'reviewed'",
  review: "INSERT OR REPLACE INTO bus (key, value) VALUES ('reviewed', $upTo)",
  forget: "DELETE FROM bus WHERE key = 'reviewed'",
  mutedUntil: "SELECT value FROM bus WHERE key = 'muted_until'",
  muteUntil: "INSERT OR REPLACE INTO bus (key, value) VALUES ('muted_until', $until)",
  count:
    "SELECT count(*) AS count FROM mail INDEXED BY mail_unseen WHERE recipient = $recipient AND seen_at IS NULL",
  counts: `SELECT recipient, count(*) AS count FROM mail INDEXED BY mail_unseen
    WHERE recipient IN (SELECT value FROM json_each($recipients)) AND seen_at IS NULL GROUP BY recipient`,
  latest: `SELECT ${MAIL}, events.session_id AS sender, events.timestamp AS sent_at FROM mail INDEXED BY mail_by_event
    LEFT JOIN events ON events.id = event_id AND seen_at IS NULL ORDER BY event_id DESC LIMIT $limit`,
  news: `SELECT ${COLUMNS}, COALESCE(mail.offers, events.id <= sessions.offered_cursor) AS offers
    FROM (${["$one", "$two", "$three"].map(NEWS_OF).join(" UNION ALL ")} ORDER BY id DESC LIMIT $limit) AS events
    JOIN sessions ON sessions.id = $sessionId
    LEFT JOIN mail ON mail.recipient = $sessionId AND mail.event_id = events.id ORDER BY events.id DESC`,
  offered: `SELECT COALESCE((SELECT offers FROM mail ${ONE}), $eventId <= offered_cursor) AS offers
    FROM sessions WHERE id = $recipient`,
  of: `SELECT ${MAIL} FROM mail WHERE event_id = $eventId ORDER BY recipient`,
  offer: `INSERT INTO mail (recipient, event_id, offered_at, offered_by, offers)
    VALUES ($recipient, $eventId, $at, $by, 1)
    ON CONFLICT DO UPDATE SET offered_at = $at, offered_by = $by, offers = offers + 1`,
  offerUpTo: "UPDATE sessions SET offered_cursor = max(offered_cursor, $upTo) WHERE id = $sessionId",
  see: `UPDATE mail SET seen_at = $at ${ONE} AND seen_at IS NULL`,
  loseFrom: `UPDATE mail SET seen_at = NULL WHERE recipient = $recipient AND seen_at >= $from AND acked_at IS NULL
    AND ${LAST_SEEN}`,
  lose: `UPDATE mail SET seen_at = NULL ${ONE} AND acked_at IS NULL`,
  doubtful: `SELECT event_id FROM mail WHERE recipient = $recipient AND seen_at >= $from AND acked_at IS NULL
    AND offered_by IN ('prompt', 'tool', 'stop', 'wake') AND ${LAST_SEEN} ORDER BY event_id`,
  release: `UPDATE mail SET offers = offers - 1,
      offered_at = iif(offers = 1, NULL, offered_at), offered_by = iif(offers = 1, NULL, offered_by)
    ${ONE} AND seen_at IS NULL AND offers > 0`,
  releaseFrom: "UPDATE sessions SET offered_cursor = min(offered_cursor, $eventId - 1) WHERE id = $recipient",
  seeRange: `UPDATE mail
    SET seen_at = $at, offered_at = COALESCE(offered_at, $at), offered_by = COALESCE(offered_by, 'read')
    WHERE recipient = $recipient AND event_id BETWEEN $from AND $to AND seen_at IS NULL`,
  ackUpTo: `UPDATE mail SET acked_at = $at, seen_at = COALESCE(seen_at, $at)
    WHERE recipient = $recipient AND event_id <= $cursor AND acked_at IS NULL`,
  ack: `UPDATE mail SET acked_at = $at, seen_at = COALESCE(seen_at, $at) ${ONE} AND acked_at IS NULL`,
  forward:
    "UPDATE OR IGNORE mail INDEXED BY mail_unseen SET recipient = $to WHERE recipient = $from AND seen_at IS NULL",
};

/** Direct messages. */
export class MailTable extends Table<keyof typeof SQL> implements MailStore {
  readonly #listeners: ((recipient: string) => void)[] = [];
  /** Recipients whose messages were seen in the transaction. */
  #readers = new Set<string>();

  constructor(parts: Parts) {
    super(parts, SQL);
  }

  of(eventId: number): Promise<Mail[]> {
    return this.writer.read(() => this.sql.of.all({ eventId }).map(mailOfRow));
  }

  unseen(recipient: string, limit: number): Promise<Unread[]> {
    return this.writer.read(() => this.sql.unseen.all({ recipient, limit }).map(unreadOfRow));
  }

  count(recipient: string): Promise<number> {
    return this.writer.read(() => Number(this.sql.count.get({ recipient })?.count));
  }

  counts(recipients: readonly string[]): Promise<Map<string, number>> {
    return this.writer.read(() => {
      const rows = this.sql.counts.all({ recipients: JSON.stringify(recipients) });
      return new Map(rows.map((row) => [String(row.recipient), Number(row.count)]));
    });
  }

  latest(limit: number): Promise<LatestMail[]> {
    return this.writer.read(() =>
      this.sql.latest.all({ limit }).map((row) => {
        const sent_at = wireTimeOrNull(row.sent_at);
        return { ...mailOfRow(row), sender: row.sender as string | null, sent_at };
      }),
    );
  }

  news({ channels: [one, two, three], ...query }: NewsQuery): Promise<Unread[]> {
    return this.writer.read(() =>
      this.sql.news
        .all({ ...query, one, two, three })
        .map(unreadOfRow)
        .reverse(),
    );
  }

  offer({ sessionId, single, others, by }: Offer): Promise<ReadonlySet<number>> {
    return this.writer.write(() => {
      const at = this.at();
      const ids = [...single, ...others].map(({ id }) => id);
      const before = ids.filter((eventId) => this.sql.offered.get({ recipient: sessionId, eventId })?.offers);
      for (const { id: eventId } of single) this.sql.offer.run({ recipient: sessionId, eventId, by, at });
      for (const { id: upTo } of others) this.sql.offerUpTo.run({ sessionId, upTo });
      return new Set(before);
    });
  }

  acknowledge(recipient: string, eventId: number): Promise<void> {
    return this.writer.write(() => this.#change("ack", { recipient, eventId, at: this.at() }));
  }

  see(recipient: string, eventIds: readonly number[], unshown: readonly number[]): Promise<void> {
    return this.writer.write(() => {
      const at = this.at();
      for (const eventId of eventIds) this.#change("see", { recipient, eventId, at });
      for (const eventId of unshown)
        if (this.sql.release.run({ recipient, eventId }).changes === 0)
          this.sql.releaseFrom.run({ recipient, eventId });
    });
  }

  lose(recipient: string, eventIds: readonly number[]): Promise<void> {
    return this.writer.write(() => {
      for (const eventId of eventIds) this.#change("lose", { recipient, eventId });
    });
  }

  waiting(after: number, limit: number): Promise<Waiting[]> {
    return this.writer.read(() =>
      this.sql.waiting
        .all({ after, limit })
        .map((row) => ({ event: eventOfRow(row), recipient: String(row.recipient) })),
    );
  }

  reviewed(): Promise<number | null> {
    return this.writer.read(() => {
      const row = this.sql.reviewed.get({});
      return row === undefined ? null : Number(row.value);
    });
  }

  review(upTo: number | null): Promise<void> {
    return this.writer.write(() => {
      if (upTo === null) this.sql.forget.run({});
      else this.sql.review.run({ upTo: String(upTo) });
    });
  }

  mutedUntil(): Promise<number> {
    return this.writer.read(() => Number(this.sql.mutedUntil.get({})?.value ?? 0));
  }

  muteUntil(until: number): Promise<void> {
    return this.writer.write(() => {
      this.sql.muteUntil.run({ until: String(until) });
    });
  }

  listen(onSeen: (recipient: string) => void): void {
    this.#listeners.push(onSeen);
  }

  /** Adds a new direct message. */
  post(recipient: string, eventId: number): void {
    this.sql.post.run({ recipient, eventId });
  }

  /** Marks what a read from `from` to `to` (ids, both included) returned as seen. */
  seeRange(recipient: string, from: number, to: number): void {
    this.#change("seeRange", { recipient, from, to, at: this.at() });
  }

  /** Marks everything up to `cursor` as acknowledged. */
  ackUpTo(recipient: string, cursor: number): void {
    this.#change("ackUpTo", { recipient, cursor, at: this.at() });
  }

  /** Makes messages that a client took along unread again. */
  loseWith({ sessionId: recipient, from }: Lost): void {
    this.#change("loseFrom", { recipient, from: storedTime(from) });
  }

  /** Messages that hooks have shown to a client, which may have taken them along. */
  doubtful({ sessionId: recipient, shownFrom }: Lost): number[] {
    const rows = this.sql.doubtful.all({ recipient, from: storedTime(shownFrom) });
    return rows.map(({ event_id }) => Number(event_id));
  }

  /** Gives the unseen direct messages of `from` to `to`. */
  forward(from: string, to: string): void {
    if (this.sql.forward.run({ from, to }).changes > 0) this.#readers.add(from);
  }

  /** Tells whose messages were seen in a transaction that was committed. */
  committed(): void {
    if (this.#readers.size === 0) return;
    const readers = this.#readers;
    this.#readers = new Set();
    for (const recipient of readers) for (const listener of this.#listeners) listener(recipient);
  }

  /** Forgets what was seen in a transaction that was undone. */
  undone(): void {
    this.#readers.clear();
  }

  #change(statement: keyof typeof SQL, params: Named & { recipient: string }): void {
    if (this.sql[statement].run(params).changes > 0) this.#readers.add(params.recipient);
  }
}

function unreadOfRow(row: Row): Unread {
  return { event: eventOfRow(row), repeat: Number(row.offers) > 0 };
}

function mailOfRow(row: Row): Mail {
  const times = {
    offered_at: wireTimeOrNull(row.offered_at),
    seen_at: wireTimeOrNull(row.seen_at),
    acked_at: wireTimeOrNull(row.acked_at),
  };
  return { ...row, ...times } as unknown as Mail;
}
