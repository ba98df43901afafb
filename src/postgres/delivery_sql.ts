import { statements } from "./connection.ts";

const SELECT = `SELECT id AS delivery_id, webhook_id, event_id, state, attempts, next_at, created_at, redelivery, last_status,
  last_error, last_at, last_ms FROM deliveries`;
const OF = "webhook_id = $webhookId";
const PENDING = `${OF} AND state = 'pending'`;
/** No other bus is sending it. The database's clock counts, because those of two machines differ. */
const FREE = "(lease_until IS NULL OR lease_until <= now() OR lease_owner = $owner)";
/** Another bus may have paused or removed the webhook since this one read it. */
const ACTIVE = "EXISTS (SELECT 1 FROM webhooks WHERE webhooks.id = webhook_id AND active)";
const LEFT = "ceil(extract(epoch FROM lease_until - now()) * 1000)::bigint";

export const SQL = statements({
  // First attempts in event order before retries.
  due: `${SELECT} WHERE ${PENDING} AND next_at <= $now AND ${FREE} AND ${ACTIVE}
    ORDER BY next_at, event_id LIMIT $limit FOR UPDATE SKIP LOCKED`,
  dueRetries: `${SELECT} WHERE ${PENDING} AND next_at > 0 AND next_at <= $now AND ${FREE} AND ${ACTIVE}
    ORDER BY next_at, event_id LIMIT $limit FOR UPDATE SKIP LOCKED`,
  // The one that another bus is sending too: nothing may overtake it.
  head: `${SELECT} WHERE ${PENDING} ORDER BY event_id LIMIT 1 FOR UPDATE`,
  isFree: `SELECT ${FREE} AND ${ACTIVE} AS free FROM deliveries WHERE id = $id`,
  lease: `UPDATE deliveries SET lease_owner = $owner, lease_until = now() + $seconds::integer * interval '1 second'
    WHERE id = ANY($ids::bigint[])`,
  oldest: `${SELECT} WHERE ${OF} AND state = $state ORDER BY event_id LIMIT $limit`,
  newest: `${SELECT} WHERE ${OF} AND state = $state ORDER BY event_id DESC LIMIT $limit`,
  newestOfAny: `${SELECT} WHERE ${OF} ORDER BY event_id DESC LIMIT $limit`,
  byIds: `${SELECT} WHERE id = ANY($ids::bigint[])`,
  // The oldest event beyond the newest `most` pending ones.
  beyond: `SELECT event_id FROM deliveries WHERE ${PENDING} ORDER BY event_id DESC LIMIT 1 OFFSET $most`,
  nextAt: `SELECT next_at FROM deliveries WHERE ${PENDING} AND next_at > $now ORDER BY next_at LIMIT 1`,
  // Counts a lease that ended since the caller looked for what is free: nobody else might look again. A second, not at once.
  leasedMs: `SELECT min(greatest(${LEFT}, 1000)) AS ms FROM deliveries
    WHERE ${PENDING} AND next_at <= $now AND lease_until IS NOT NULL AND lease_owner <> $owner`,
  counts: `SELECT state, count(*) AS count FROM deliveries WHERE ${OF} AND state IN ('pending', 'dead', 'expired') GROUP BY state`,
  waiting: "SELECT DISTINCT webhook_id FROM deliveries WHERE state = 'pending' ORDER BY webhook_id",
  enqueue: `INSERT INTO deliveries (webhook_id, event_id, created_at) VALUES ($webhookId, $eventId, $now)
    ON CONFLICT DO NOTHING`,
  restart: `INSERT INTO deliveries (webhook_id, event_id, created_at, redelivery)
    VALUES ($webhookId, $eventId, $now, true) ON CONFLICT (webhook_id, event_id) DO UPDATE
    SET state = 'pending', attempts = 0, next_at = 0, created_at = $now, redelivery = true, lease_until = NULL`,
  // Does nothing to a delivery that was started over since it was claimed.
  settle: `UPDATE deliveries SET state = $state, attempts = $attempts, next_at = $nextAt,
    last_status = $status, last_error = $error, last_at = $at, last_ms = $ms, lease_until = NULL
    WHERE id = $id AND created_at = $createdAt AND redelivery = $redelivery
    AND (state = 'pending' OR state = 'expired' AND $state = 'delivered')`,
  expire: "UPDATE deliveries SET state = 'expired', last_at = $at, last_error = $reason WHERE id = $id",
  forget: `DELETE FROM deliveries WHERE id IN
    (SELECT id FROM deliveries WHERE state <> 'pending' AND last_at < $lastBefore LIMIT $limit)`,
  clamp: `UPDATE deliveries SET next_at = $most WHERE ${PENDING} AND next_at > $most
    AND attempts = $attempts AND (coalesce(last_status, 0) IN (429, 503)) = $asked`,
});
