import type { Delivery } from "../domain/webhook.ts";
import type { Row } from "../runtime/runtime.ts";

const SELECT = `SELECT id AS delivery_id, webhook_id, event_id, state, attempts, next_at, created_at, redelivery, last_status,
  last_error, last_at, last_ms FROM deliveries`;
const OF = "webhook_id = $webhookId";
const PENDING = `${OF} AND state = 'pending'`;

export const SQL = {
  // First attempts in event order before retries.
  due: `${SELECT} WHERE ${PENDING} AND next_at <= $now ORDER BY next_at, event_id LIMIT $limit`,
  dueRetries: `${SELECT} WHERE ${PENDING} AND next_at > 0 AND next_at <= $now ORDER BY next_at, event_id LIMIT $limit`,
  oldest: `${SELECT} WHERE ${OF} AND state = $state ORDER BY event_id LIMIT $limit`,
  newest: `${SELECT} WHERE ${OF} AND state = $state ORDER BY event_id DESC LIMIT $limit`,
  newestOfAny: `${SELECT} WHERE ${OF} ORDER BY event_id DESC LIMIT $limit`,
  byId: `${SELECT} WHERE id = $id`,
  // The oldest event beyond the newest `most` pending ones.
  beyond: `SELECT event_id FROM deliveries WHERE ${PENDING} ORDER BY event_id DESC LIMIT 1 OFFSET $most`,
  nextAt: `SELECT next_at FROM deliveries WHERE ${PENDING} AND next_at > $now ORDER BY next_at LIMIT 1`,
  count: `SELECT count(*) AS count FROM deliveries WHERE ${OF} AND state = $state`,
  nextWaiting: `SELECT webhook_id FROM deliveries
    WHERE state = 'pending' AND webhook_id > $after ORDER BY webhook_id LIMIT 1`,
  enqueue:
    "INSERT OR IGNORE INTO deliveries (webhook_id, event_id, created_at) VALUES ($webhookId, $eventId, $now)",
  restart: `INSERT INTO deliveries (webhook_id, event_id, created_at, redelivery)
    VALUES ($webhookId, $eventId, $now, 1) ON CONFLICT (webhook_id, event_id) DO UPDATE
    SET state = 'pending', attempts = 0, next_at = 0, created_at = $now, redelivery = 1`,
  // Does nothing to a delivery that was started over since it was claimed.
  settle: `UPDATE deliveries SET state = $state, attempts = $attempts, next_at = $nextAt,
    last_status = $status, last_error = $error, last_at = $at, last_ms = $ms
    WHERE id = $id AND created_at = $createdAt AND redelivery = $redelivery
    AND (state = 'pending' OR state = 'expired' AND $state = 'delivered')`,
  expire: "UPDATE deliveries SET state = 'expired', last_at = $at, last_error = $reason WHERE id = $id",
  forget: `DELETE FROM deliveries WHERE id IN
    (SELECT id FROM deliveries WHERE state <> 'pending' AND last_at < $lastBefore LIMIT $limit)`,
  clamp: `UPDATE deliveries SET next_at = $most WHERE ${PENDING} AND next_at > $most
    AND attempts = $attempts AND (COALESCE(last_status, 0) IN (429, 503)) = $asked`,
};

export function deliveryOfRow(row: Row): Delivery {
  return { ...row, redelivery: row.redelivery === 1 } as unknown as Delivery;
}
