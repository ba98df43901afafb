import { expiryReason, pickDue, pickHead } from "../domain/delivery_policy.ts";
import type { DeliveryQuery, DeliveryStore, RedeliveryPage, Settlement, Tidied } from "../domain/outbox.ts";
import { KEEP_MS, longestWait, MOST_ATTEMPTS } from "../domain/retry_schedule.ts";
import type { Delivery, DeliveryState, Outcome, Webhook } from "../domain/webhook.ts";
import { webhookMatches } from "../domain/webhook.ts";
import { type Connection, type Named, statements } from "./connection.ts";
import type { EventTable } from "./events.ts";
import { type Parts, Table } from "./parts.ts";
import type { Transaction } from "./transaction.ts";
import type { WebhookTable } from "./webhooks.ts";

/** Deliveries that one step of tidying looks at. */
const STEP = 500;
const SELECT = `SELECT id AS delivery_id, webhook_id, event_id, state, attempts, next_at, created_at, redelivery, last_status,
  last_error, last_at, last_ms FROM deliveries`;
const OF = "webhook_id = $webhookId";
const PENDING = `${OF} AND state = 'pending'`;

const SQL = statements({
  // First attempts in event order before retries.
  due: `${SELECT} WHERE ${PENDING} AND next_at <= $now ORDER BY next_at, event_id LIMIT $limit`,
  dueRetries: `${SELECT} WHERE ${PENDING} AND next_at > 0 AND next_at <= $now ORDER BY next_at, event_id LIMIT $limit`,
  oldest: `${SELECT} WHERE ${OF} AND state = $state ORDER BY event_id LIMIT $limit`,
  newest: `${SELECT} WHERE ${OF} AND state = $state ORDER BY event_id DESC LIMIT $limit`,
  newestOfAny: `${SELECT} WHERE ${OF} ORDER BY event_id DESC LIMIT $limit`,
  byIds: `${SELECT} WHERE id = ANY($ids::bigint[])`,
  // The oldest event beyond the newest `most` pending ones.
  beyond: `SELECT event_id FROM deliveries WHERE ${PENDING} ORDER BY event_id DESC LIMIT 1 OFFSET $most`,
  nextAt: `SELECT next_at FROM deliveries WHERE ${PENDING} AND next_at > $now ORDER BY next_at LIMIT 1`,
  counts: `SELECT state, count(*) AS count FROM deliveries WHERE ${OF} AND state IN ('pending', 'dead', 'expired') GROUP BY state`,
  waiting: "SELECT DISTINCT webhook_id FROM deliveries WHERE state = 'pending' ORDER BY webhook_id",
  enqueue: `INSERT INTO deliveries (webhook_id, event_id, created_at) VALUES ($webhookId, $eventId, $now)
    ON CONFLICT DO NOTHING`,
  restart: `INSERT INTO deliveries (webhook_id, event_id, created_at, redelivery)
    VALUES ($webhookId, $eventId, $now, true) ON CONFLICT (webhook_id, event_id) DO UPDATE
    SET state = 'pending', attempts = 0, next_at = 0, created_at = $now, redelivery = true`,
  // Does nothing to a delivery that was started over since it was claimed.
  settle: `UPDATE deliveries SET state = $state, attempts = $attempts, next_at = $nextAt,
    last_status = $status, last_error = $error, last_at = $at, last_ms = $ms
    WHERE id = $id AND created_at = $createdAt AND redelivery = $redelivery
    AND (state = 'pending' OR state = 'expired' AND $state = 'delivered')`,
  expire: "UPDATE deliveries SET state = 'expired', last_at = $at, last_error = $reason WHERE id = $id",
  forget: `DELETE FROM deliveries WHERE id IN
    (SELECT id FROM deliveries WHERE state <> 'pending' AND last_at < $lastBefore LIMIT $limit)`,
  clamp: `UPDATE deliveries SET next_at = $most WHERE ${PENDING} AND next_at > $most
    AND attempts = $attempts AND (coalesce(last_status, 0) IN (429, 503)) = $asked`,
});

export interface DeliveryParts extends Parts {
  events: EventTable;
  webhooks: WebhookTable;
}

type Select = "due" | "dueRetries" | "oldest" | "newest" | "newestOfAny" | "byIds";

/** The outbox. */
export class DeliveryTable extends Table<DeliveryParts> implements DeliveryStore {
  claim(webhook: Webhook, now: number, limit: number, skip: ReadonlySet<number>): Promise<Delivery[]> {
    const { webhook_id: webhookId, ordered } = webhook;
    return this.reading(async (connection) => {
      if (ordered) return pickHead(await this.#head(connection, webhookId), now, skip);
      const [retries, due] = await Promise.all([
        this.#all(connection, "dueRetries", { webhookId, now, limit: 1 + skip.size }),
        this.#all(connection, "due", { webhookId, now, limit: limit + skip.size }),
      ]);
      return pickDue(retries, due, limit, skip);
    });
  }

  nextAt({ webhook_id: webhookId, ordered }: Webhook, now: number): Promise<number | undefined> {
    return this.reading(async (connection) => {
      if (ordered) return (await this.#head(connection, webhookId))?.next_at;
      return (await connection.run(SQL.nextAt, { webhookId, now }))[0]?.next_at as number | undefined;
    });
  }

  settle(delivery: Delivery, settlement: Settlement, { status, error, ms }: Outcome): Promise<void> {
    const { webhooks, now, writer } = this.parts;
    const { state, next_at: nextAt } = settlement;
    const { delivery_id: id, webhook_id: webhookId, created_at: createdAt, redelivery } = delivery;
    return writer.write(async (transaction) => {
      const result = { state, attempts: delivery.attempts + 1, nextAt, status, error, ms, at: now() };
      await transaction.run(SQL.settle, { id, createdAt, redelivery, ...result });
      if (error === null) await webhooks.succeeded(transaction, webhookId);
      else await webhooks.failed(transaction, webhookId, error);
    });
  }

  expire(delivery: Delivery, reason: string): Promise<void> {
    return this.parts.writer.write((transaction) => this.#expire(transaction, delivery, reason));
  }

  list(query: DeliveryQuery): Promise<Delivery[]> {
    const { state, inFlight, limit } = query;
    const ahead = this.parts.now() - this.parts.steady();
    return this.reading(async (connection) =>
      (await this.#found(connection, query))
        .map((row) => ({
          ...row,
          state: inFlight.has(row.delivery_id) ? ("in_flight" as const) : row.state,
          next_at: row.next_at === 0 ? 0 : row.next_at + ahead,
        }))
        .filter((row) => state === undefined || row.state === state)
        .sort((a, b) => b.event_id - a.event_id || a.webhook_id - b.webhook_id)
        .slice(0, limit),
    );
  }

  async counts(webhookId: number) {
    const counts = { pending: 0, dead: 0, expired: 0 };
    for (const { state, count } of await this.rows(SQL.counts, { webhookId }))
      counts[state as keyof typeof counts] = Number(count);
    return counts;
  }

  redeliver(webhookId: number, eventId: number): Promise<boolean> {
    const { events, writer } = this.parts;
    return writer.write(async (transaction) => {
      if ((await events.find(transaction, eventId)) === undefined) return false;
      await this.#restart(transaction, webhookId, eventId);
      return true;
    });
  }

  redeliverGivenUp(webhookId: number, limit: number): Promise<number> {
    return this.parts.writer.write(async (transaction) => {
      const some = (state: DeliveryState, most: number) =>
        this.#all(transaction, "oldest", { webhookId, state, limit: most });
      const dead = await some("dead", limit);
      const given = [...dead, ...(await some("expired", limit - dead.length))];
      for (const { event_id } of given) await this.#restart(transaction, webhookId, event_id);
      return given.length;
    });
  }

  redeliverMatching(page: RedeliveryPage): Promise<{ queued: number; next: number | undefined }> {
    const { webhookId, after, limit, enables } = page;
    const { webhooks, events, writer } = this.parts;
    return writer.write(async (transaction) => {
      const webhook = await webhooks.find(transaction, webhookId);
      if (webhook === undefined) return { queued: 0, next: undefined };
      const event_types = webhook.event_types ?? undefined;
      const { events: found, full } = await events.select(transaction, {
        ...{ after, limit, order: "asc", event_types },
      });
      let queued = 0;
      for (const event of found.filter((one) => webhookMatches(webhook, one)))
        if (!enables) queued += await this.#restart(transaction, webhookId, event.id);
        else queued += await this.#enqueue(transaction, webhookId, event.id);
      if (!full && enables) await webhooks.turn(transaction, webhookId, true);
      return { queued, next: full ? found.at(-1)?.id : undefined };
    });
  }

  tidy(mostPending: number): Promise<Tidied> {
    const { now, steady, writer } = this.parts;
    return writer.write(async (transaction) => {
      // A clock that was set forward must not hide what the user had no time to look at.
      const lastBefore = Math.min(now(), steady()) - KEEP_MS;
      const forgotten = (await transaction.run(SQL.forget, { lastBefore, limit: STEP })).count;
      const expired: Tidied["expired"] = [];
      let left = STEP;
      for (const webhookId of await this.#waitingWebhooks(transaction)) {
        if (left === 0) break;
        const count = await this.#expireSome(transaction, webhookId, mostPending, left);
        if (count > 0) expired.push({ webhookId, count });
        left -= count;
      }
      return { expired, more: forgotten === STEP || left === 0 };
    });
  }

  clamp(): Promise<void> {
    return this.parts.writer.write(async (transaction) => {
      for (const webhookId of await this.#waitingWebhooks(transaction))
        for (let attempts = 1; attempts < MOST_ATTEMPTS; attempts++)
          for (const asked of [false, true]) {
            const most = Math.ceil(this.parts.steady() + longestWait(attempts, asked));
            await transaction.run(SQL.clamp, { webhookId, attempts, asked, most });
          }
    });
  }

  async #enqueue(connection: Connection, webhookId: number, eventId: number): Promise<number> {
    const now = this.parts.steady();
    return (await connection.run(SQL.enqueue, { webhookId, eventId, now })).count;
  }

  async #all(connection: Connection, select: Select, params: Named): Promise<Delivery[]> {
    return (await connection.run(SQL[select], params)) as unknown as Delivery[];
  }

  async #head(connection: Connection, webhookId: number): Promise<Delivery | undefined> {
    return (await this.#all(connection, "oldest", { webhookId, state: "pending", limit: 1 }))[0];
  }

  /** Starts a delivery over at once, or makes it, as a redelivery. */
  async #restart(connection: Connection, webhookId: number, eventId: number): Promise<number> {
    return (await connection.run(SQL.restart, { webhookId, eventId, now: this.parts.steady() })).count;
  }

  async #expire(connection: Connection, { delivery_id: id }: Delivery, reason: string): Promise<void> {
    await connection.run(SQL.expire, { id, at: this.parts.now(), reason });
  }

  async #expireSome(
    transaction: Transaction,
    webhookId: number,
    most: number,
    limit: number,
  ): Promise<number> {
    const [row] = await transaction.run(SQL.beyond, { webhookId, most });
    const backlog = { beyond: row === undefined ? undefined : Number(row.event_id), most };
    const webhook = await this.parts.webhooks.find(transaction, webhookId);
    let count = 0;
    for (const delivery of await this.#all(transaction, "oldest", { webhookId, state: "pending", limit })) {
      const reason = expiryReason(delivery, webhook, backlog, this.parts.steady());
      if (reason === null) continue;
      await this.#expire(transaction, delivery, reason);
      count++;
    }
    return count;
  }

  async #found(
    connection: Connection,
    { webhook_id, state, inFlight, limit }: DeliveryQuery,
  ): Promise<Delivery[]> {
    const all = await this.parts.webhooks.all(connection);
    const ids = webhook_id === undefined ? all.map((one) => one.webhook_id) : [webhook_id];
    if (state === "in_flight") {
      const sent = await this.#all(connection, "byIds", { ids: [...inFlight] });
      return sent.filter((row) => ids.includes(row.webhook_id));
    }
    // Some of those pending are being sent.
    const most = state === "pending" ? limit + inFlight.size : limit;
    const select = state === undefined ? "newestOfAny" : "newest";
    const found = ids.map((webhookId) => this.#all(connection, select, { webhookId, state, limit: most }));
    return (await Promise.all(found)).flat();
  }

  async #waitingWebhooks(connection: Connection): Promise<number[]> {
    return (await connection.run(SQL.waiting)).map(({ webhook_id }) => Number(webhook_id));
  }
}
