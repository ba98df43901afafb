import type { Mail, Path, Unread } from "../domain/direct_message.ts";
import type { Event } from "../domain/event.ts";
import type { Database, Row } from "../runtime/runtime.ts";
import { EVENT_COLUMNS, eventOfRow } from "./events.ts";
import type { Writer } from "./group_commit.ts";
import { storedTime, wireTimeOrNull } from "./time.ts";

export interface MailRows {
  /** A new direct message; called in the transaction of its event. */
  post(recipient: string, eventId: number): void;
  /** Direct messages that were not seen, oldest first. */
  unseen(recipient: string, limit: number): Unread[];
  count(recipient: string): number;
  /** Events of these channels after `after` that were not handed to the session yet and are not its own, oldest first. */
  news(query: NewsQuery): Unread[];
  of(eventId: number): Mail[];
  offer(recipient: string, eventId: number, by: Path, at: string): void;
  /** Events for everyone were taken up to this one. */
  offerUpTo(sessionId: string, eventId: number): void;
  see(recipient: string, eventId: number, at: string): void;
  /** An event that was taken was not handed over. */
  takeBack(recipient: string, eventId: number): void;
  /** What a read from `from` to `to` (ids, both included) returned counts as seen. */
  seeRange(recipient: string, from: number, to: number, at: string): void;
  ackOne(recipient: string, eventId: number, at: string): void;
  /** Everything up to `cursor` counts as seen and acknowledged. */
  ack(recipient: string, cursor: number, at: string): void;
  /** Direct messages for `from` that were not seen are for `to` from here on; returns how many. */
  forward(from: string, to: string): number;
}

export interface NewsQuery {
  sessionId: string;
  after: number;
  /** Three of them. */
  channels: readonly [string, string, string];
  limit: number;
}

/** The SQL of direct messages, for use inside one call or one write unit. */
export function mailRows(db: Database): MailRows {
  const columns = EVENT_COLUMNS.split(", ")
    .map((column) => `events.${column}`)
    .join(", ");
  const post = db.prepare("INSERT OR IGNORE INTO mail (recipient, event_id) VALUES ($recipient, $eventId)");
  // SQLite takes the primary key unless told otherwise, and walks all that was seen.
  const unseen =
    db.prepare(`SELECT ${columns}, offers FROM mail INDEXED BY mail_unseen JOIN events ON events.id = event_id
    WHERE recipient = $recipient AND seen_at IS NULL ORDER BY event_id LIMIT $limit`);
  const count = db.prepare(
    "SELECT count(*) AS count FROM mail INDEXED BY mail_unseen WHERE recipient = $recipient AND seen_at IS NULL",
  );
  // One branch for each channel, so that a page is a bounded walk along the index however long the backlog is.
  const branch = (channel: string) => `SELECT * FROM (SELECT ${EVENT_COLUMNS} FROM events
    WHERE channel = ${channel} AND id > $after AND session_id <> $sessionId AND NOT EXISTS (SELECT 1 FROM mail
      WHERE recipient = $sessionId AND event_id = events.id AND seen_at IS NOT NULL) ORDER BY id LIMIT $limit)`;
  const news =
    db.prepare(`SELECT ${columns}, COALESCE(mail.offers, events.id <= sessions.offered_cursor) AS offers
    FROM (${["$one", "$two", "$three"].map(branch).join(" UNION ALL ")} ORDER BY id LIMIT $limit) AS events
    JOIN sessions ON sessions.id = $sessionId
    LEFT JOIN mail ON mail.recipient = $sessionId AND mail.event_id = events.id ORDER BY events.id`);
  const of = db.prepare(`SELECT recipient, event_id, offered_at, offered_by, seen_at, acked_at FROM mail
    WHERE event_id = $eventId ORDER BY recipient`);
  const offer = db.prepare(`INSERT INTO mail (recipient, event_id, offered_at, offered_by, offers)
    VALUES ($recipient, $eventId, $at, $by, 1)
    ON CONFLICT DO UPDATE SET offered_at = $at, offered_by = $by, offers = offers + 1`);
  const offerUpTo = db.prepare(
    "UPDATE sessions SET offered_cursor = max(offered_cursor, $eventId) WHERE id = $sessionId",
  );
  const see = db.prepare(`UPDATE mail SET seen_at = $at
    WHERE recipient = $recipient AND event_id = $eventId AND seen_at IS NULL`);
  const takeBack = db.prepare(`UPDATE mail SET offers = offers - 1,
      offered_at = iif(offers = 1, NULL, offered_at), offered_by = iif(offers = 1, NULL, offered_by)
    WHERE recipient = $recipient AND event_id = $eventId AND seen_at IS NULL AND offers > 0`);
  const takeBackFrom = db.prepare(
    "UPDATE sessions SET offered_cursor = min(offered_cursor, $eventId - 1) WHERE id = $recipient",
  );
  const seeRange = db.prepare(`UPDATE mail
    SET seen_at = $at, offered_at = COALESCE(offered_at, $at), offered_by = COALESCE(offered_by, 'read')
    WHERE recipient = $recipient AND event_id BETWEEN $from AND $to AND seen_at IS NULL`);
  const ack = db.prepare(`UPDATE mail SET acked_at = $at, seen_at = COALESCE(seen_at, $at)
    WHERE recipient = $recipient AND event_id <= $cursor AND acked_at IS NULL`);
  const ackOne = db.prepare(`UPDATE mail SET acked_at = $at, seen_at = COALESCE(seen_at, $at)
    WHERE recipient = $recipient AND event_id = $eventId AND acked_at IS NULL`);
  const forward = db.prepare(
    "UPDATE OR IGNORE mail INDEXED BY mail_unseen SET recipient = $to WHERE recipient = $from AND seen_at IS NULL",
  );
  return {
    post: (recipient, eventId) => void post.run({ recipient, eventId }),
    unseen: (recipient, limit) => unseen.all({ recipient, limit }).map(unreadOfRow),
    count: (recipient) => Number(count.get({ recipient })?.count),
    news({ sessionId, after, channels: [one, two, three], limit }) {
      return news.all({ sessionId, after, one, two, three, limit }).map(unreadOfRow);
    },
    of: (eventId) => of.all({ eventId }).map(mailOfRow),
    offer: (recipient, eventId, by, at) => void offer.run({ recipient, eventId, by, at: storedTime(at) }),
    offerUpTo: (sessionId, eventId) => void offerUpTo.run({ sessionId, eventId }),
    see: (recipient, eventId, at) => void see.run({ recipient, eventId, at: storedTime(at) }),
    takeBack(recipient, eventId) {
      if (takeBack.run({ recipient, eventId }).changes === 0) takeBackFrom.run({ recipient, eventId });
    },
    seeRange: (recipient, from, to, at) => void seeRange.run({ recipient, from, to, at: storedTime(at) }),
    ackOne: (recipient, eventId, at) => void ackOne.run({ recipient, eventId, at: storedTime(at) }),
    ack: (recipient, cursor, at) => void ack.run({ recipient, cursor, at: storedTime(at) }),
    forward: (from, to) => forward.run({ from, to }).changes,
  };
}

function unreadOfRow(row: Row): Unread {
  return { event: eventOfRow(row), repeat: Number(row.offers) > 0 };
}

function mailOfRow(row: Row): Mail {
  const offered_at = wireTimeOrNull(row.offered_at);
  const seen_at = wireTimeOrNull(row.seen_at);
  const acked_at = wireTimeOrNull(row.acked_at);
  return {
    event_id: Number(row.event_id),
    recipient: String(row.recipient),
    state:
      acked_at !== null ? "acked" : seen_at !== null ? "seen" : offered_at !== null ? "offered" : "stored",
    offered_at,
    offered_by: row.offered_by as Path | null,
    seen_at,
    acked_at,
  };
}

export interface MailStore {
  /** Who a direct message is for, and how far it has come. */
  of(eventId: number): Promise<Mail[]>;
  unseen(recipient: string, limit: number): Promise<Unread[]>;
  count(recipient: string): Promise<number>;
  news(query: NewsQuery): Promise<Unread[]>;
  /** Somebody takes events to hand them over. */
  offer(offer: Offer): Promise<void>;
  /** The session acted on one event. */
  acknowledge(recipient: string, eventId: number): Promise<void>;
  /** They were shown to the session; `unshown` were taken with them for the first time, but not shown. */
  see(recipient: string, eventIds: readonly number[], unshown: readonly number[]): Promise<void>;
}

export interface Offer {
  sessionId: string;
  by: Path;
  /** Events that are remembered one by one: direct messages, and whatever is handed over before what is older. */
  single: readonly Event[];
  /** The newest of the others, which are handed over in order; 0 when there are none. */
  upTo: number;
}

export function createMail(rows: MailRows, writer: Writer, timestamp: () => string): MailStore {
  return {
    of: (eventId) => writer.read(() => rows.of(eventId)),
    unseen: (recipient, limit) => writer.read(() => rows.unseen(recipient, limit)),
    count: (recipient) => writer.read(() => rows.count(recipient)),
    news: (query) => writer.read(() => rows.news(query)),
    offer: ({ sessionId, single, upTo, by }) =>
      writer.write(() => {
        for (const event of single) rows.offer(sessionId, event.id, by, timestamp());
        if (upTo > 0) rows.offerUpTo(sessionId, upTo);
      }),
    acknowledge: (recipient, eventId) => writer.write(() => rows.ackOne(recipient, eventId, timestamp())),
    see: (recipient, eventIds, unshown) =>
      writer.write(() => {
        for (const id of eventIds) rows.see(recipient, id, timestamp());
        for (const id of unshown) rows.takeBack(recipient, id);
      }),
  };
}
