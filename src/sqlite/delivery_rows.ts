import { longestWait, MOST_ATTEMPTS } from "../domain/retry_schedule.ts";
import type { Delivery, DeliveryState, Outcome } from "../domain/webhook.ts";
import type { Database, Row } from "../runtime/runtime.ts";

/** What a finished attempt does to its delivery. */
export interface Settlement {
  state: "pending" | "delivered" | "dead";
  /** When the next attempt of a pending one is due, ms. */
  next_at: number;
}

export interface DeliveryRows {
  /** Webhooks that something was queued for since the last call. */
  takeQueued(): number[];
  /** Whether there are such webhooks. */
  hasQueued(): boolean;
  /** Queues an event for a webhook unless it was ever queued for it; returns whether it was new. */
  enqueue(webhookId: number, eventId: number, now: number): boolean;
  /** Starts a delivery over at once, or makes it, as a redelivery. */
  restart(webhookId: number, eventId: number, now: number): void;
  /** What is due, first attempts in event order before retries. */
  due(webhookId: number, now: number, limit: number): Delivery[];
  /** Retries alone, so that a backlog of new events does not hold them back. */
  dueRetries(webhookId: number, now: number, limit: number): Delivery[];
  /** The oldest pending one, due or not. */
  head(webhookId: number): Delivery | undefined;
  /** The first time after `now` at which something is due. */
  nextAt(webhookId: number, now: number): number | undefined;
  /** `at` is wall time. Does nothing to a delivery that was started over since `delivery` was read. */
  settle(delivery: Delivery, settlement: Settlement, outcome: Outcome, at: number): void;
  byId(deliveryId: number): Delivery | undefined;
  ofState(webhookId: number, state: DeliveryState, order: "oldest" | "newest", limit: number): Delivery[];
  newest(webhookId: number, limit: number): Delivery[];
  count(webhookId: number, state: DeliveryState): number;
  /** The oldest event beyond the newest `most` pending ones; undefined when there are no more than that. */
  beyond(webhookId: number, most: number): number | undefined;
  /** `at` is wall time. */
  expire(deliveryId: number, at: number, reason: string): void;
  /** Ids of the webhooks that have something pending, whether they still exist or not. */
  waitingWebhooks(): number[];
  /** Removes finished deliveries that nobody will look at any more. */
  forgetBefore(lastBefore: number, limit: number): number;
  /** Shortens a wait that is longer than the schedule allows: a clock that was set back must not stall a delivery. */
  clamp(webhookId: number, now: number): void;
}

const COLUMNS = `id, webhook_id, event_id, state, attempts, next_at, created_at, redelivery, last_status, last_error,
  last_at, last_ms`;
const PENDING = "webhook_id = $webhookId AND state = 'pending'";

/** The SQL of the outbox, for use inside one call or one write unit. */
export function deliveryRows(db: Database): DeliveryRows {
  const queued = new Set<number>();
  const select = (rest: string) => db.prepare(`SELECT ${COLUMNS} FROM deliveries WHERE ${rest}`);
  const due = select(`${PENDING} AND next_at <= $now ORDER BY next_at, event_id LIMIT $limit`);
  const dueRetries = select(
    `${PENDING} AND next_at > 0 AND next_at <= $now ORDER BY next_at, event_id LIMIT $limit`,
  );
  const ofState = select("webhook_id = $webhookId AND state = $state ORDER BY event_id LIMIT $limit");
  const ofStateNewest = select(
    "webhook_id = $webhookId AND state = $state ORDER BY event_id DESC LIMIT $limit",
  );
  const byId = select("id = $id");
  const beyond = db.prepare(
    `SELECT event_id FROM deliveries WHERE ${PENDING} ORDER BY event_id DESC LIMIT 1 OFFSET $most`,
  );
  const newest = select("webhook_id = $webhookId ORDER BY event_id DESC LIMIT $limit");
  const nextAt = db.prepare(
    `SELECT next_at FROM deliveries WHERE ${PENDING} AND next_at > $now ORDER BY next_at LIMIT 1`,
  );
  const count = db.prepare(
    "SELECT count(*) AS count FROM deliveries WHERE webhook_id = $webhookId AND state = $state",
  );
  const nextWaiting = db.prepare(`SELECT webhook_id FROM deliveries
    WHERE state = 'pending' AND webhook_id > $after ORDER BY webhook_id LIMIT 1`);
  const many = (rows: Row[]) => rows.map(deliveryOfRow);
  return {
    due: (webhookId, now, limit) => many(due.all({ webhookId, now, limit })),
    dueRetries: (webhookId, now, limit) => many(dueRetries.all({ webhookId, now, limit })),
    head: (webhookId) => many(ofState.all({ webhookId, state: "pending", limit: 1 }))[0],
    ofState: (webhookId, state, order, limit) =>
      many((order === "oldest" ? ofState : ofStateNewest).all({ webhookId, state, limit })),
    newest: (webhookId, limit) => many(newest.all({ webhookId, limit })),
    nextAt(webhookId, now) {
      const at = nextAt.get({ webhookId, now })?.next_at;
      return at === undefined ? undefined : Number(at);
    },
    byId: (id) => many(byId.all({ id }))[0],
    beyond(webhookId, most) {
      const eventId = beyond.get({ webhookId, most })?.event_id;
      return eventId === undefined ? undefined : Number(eventId);
    },
    count: (webhookId, state) => Number(count.get({ webhookId, state })?.count),
    waitingWebhooks() {
      const ids: number[] = [];
      for (let row = nextWaiting.get({ after: 0 }); row !== undefined; ) {
        ids.push(Number(row.webhook_id));
        row = nextWaiting.get({ after: Number(row.webhook_id) });
      }
      return ids;
    },
    hasQueued: () => queued.size > 0,
    takeQueued() {
      const ids = [...queued];
      queued.clear();
      return ids;
    },
    ...writes(db, queued),
  };
}

type Writes = "enqueue" | "restart" | "settle" | "expire" | "forgetBefore" | "clamp";

function writes(db: Database, queued: Set<number>): Pick<DeliveryRows, Writes> {
  const enqueue = db.prepare(
    "INSERT OR IGNORE INTO deliveries (webhook_id, event_id, created_at) VALUES ($webhookId, $eventId, $now)",
  );
  const restart = db.prepare(`INSERT INTO deliveries (webhook_id, event_id, created_at, redelivery)
    VALUES ($webhookId, $eventId, $now, 1) ON CONFLICT (webhook_id, event_id) DO UPDATE
    SET state = 'pending', attempts = 0, next_at = 0, created_at = $now, redelivery = 1`);
  const settle = db.prepare(`UPDATE deliveries SET state = $state, attempts = $attempts, next_at = $nextAt,
    last_status = $status, last_error = $error, last_at = $at, last_ms = $ms
    WHERE id = $id AND created_at = $createdAt AND redelivery = $redelivery
    AND (state = 'pending' OR state = 'expired' AND $state = 'delivered')`);
  const expire = db.prepare(
    "UPDATE deliveries SET state = 'expired', last_at = $at, last_error = $reason WHERE id = $id",
  );
  const forget = db.prepare(`DELETE FROM deliveries WHERE id IN
    (SELECT id FROM deliveries WHERE state <> 'pending' AND last_at < $lastBefore LIMIT $limit)`);
  const clamp = db.prepare(`UPDATE deliveries SET next_at = $most WHERE ${PENDING} AND next_at > $most
    AND attempts = $attempts AND (COALESCE(last_status, 0) IN (429, 503)) = $asked`);
  return {
    enqueue(webhookId, eventId, now) {
      queued.add(webhookId);
      return enqueue.run({ webhookId, eventId, now }).changes > 0;
    },
    restart(webhookId, eventId, now) {
      queued.add(webhookId);
      restart.run({ webhookId, eventId, now });
    },
    settle(delivery, { state, next_at: nextAt }, { status, error, ms }, at) {
      const { delivery_id: id, created_at: createdAt } = delivery;
      const [attempts, redelivery] = [delivery.attempts + 1, delivery.redelivery ? 1 : 0];
      settle.run({ id, createdAt, redelivery, state, attempts, nextAt, status, error, ms, at });
    },
    expire: (id, at, reason) => void expire.run({ id, at, reason }),
    forgetBefore: (lastBefore, limit) => forget.run({ lastBefore, limit }).changes,
    clamp(webhookId, now) {
      for (let attempts = 1; attempts < MOST_ATTEMPTS; attempts++)
        for (const asked of [false, true])
          clamp.run({
            webhookId,
            attempts,
            asked: asked ? 1 : 0,
            most: Math.ceil(now + longestWait(attempts, asked)),
          });
    },
  };
}

function deliveryOfRow(row: Row): Delivery {
  const number = (column: string) => (row[column] === null ? null : Number(row[column]));
  return {
    delivery_id: Number(row.id),
    webhook_id: Number(row.webhook_id),
    event_id: Number(row.event_id),
    state: row.state as DeliveryState,
    attempts: Number(row.attempts),
    next_at: Number(row.next_at),
    created_at: Number(row.created_at),
    redelivery: row.redelivery === 1,
    last_status: number("last_status"),
    last_error: row.last_error === null ? null : String(row.last_error),
    last_at: number("last_at"),
    last_ms: number("last_ms"),
  };
}
