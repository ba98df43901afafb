import { expiryReason, pickDue, pickHead } from "../domain/delivery_policy.ts";
import type { DeliveryQuery, DeliveryStore, RedeliveryPage, Settlement, Tidied } from "../domain/outbox.ts";
import { KEEP_MS, longestWait, MOST_ATTEMPTS } from "../domain/retry_schedule.ts";
import type { Delivery, DeliveryState, Outcome, Webhook } from "../domain/webhook.ts";
import { webhookMatches } from "../domain/webhook.ts";
import type { Connection, Named, Pool } from "./connection.ts";
import { SQL } from "./delivery_sql.ts";
import type { EventTable } from "./events.ts";
import { meaningOf } from "./faults.ts";
import { type Parts, Table } from "./parts.ts";
import type { Transaction } from "./transaction.ts";
import type { WebhookTable } from "./webhooks.ts";

/** Deliveries that one step of tidying looks at. */
const STEP = 500;
/** Longer than any attempt takes. Then another bus sends again what a dead one had begun. */
const LEASE_SECONDS = 90;

export interface DeliveryParts extends Parts {
  pool: Pick<Pool, "run" | "transaction">;
  events: EventTable;
  webhooks: WebhookTable;
  /** Stands for this process. */
  owner: string;
}

type Select = "due" | "dueRetries" | "head" | "oldest" | "newest" | "newestOfAny" | "byIds";

/** The outbox. */
export class DeliveryTable extends Table<DeliveryParts> implements DeliveryStore {
  async claim(webhook: Webhook, now: number, limit: number, skip: ReadonlySet<number>): Promise<Delivery[]> {
    const { owner, pool } = this.parts;
    try {
      return await pool.transaction(async (connection) => {
        const free = await this.#free(connection, webhook, { now, limit, skip });
        const ids = free.map(({ delivery_id }) => delivery_id);
        if (ids.length > 0) await connection.run(SQL.lease, { ids, owner, seconds: LEASE_SECONDS });
        return free;
      });
    } catch (error) {
      throw meaningOf(error);
    }
  }

  nextAt({ webhook_id: webhookId, ordered }: Webhook, now: number): Promise<number | undefined> {
    return this.reading(async (connection) => {
      const { owner } = this.parts;
      const [leased] = await connection.run(SQL.leasedMs, { webhookId, now, owner });
      const { next_at: next } = ordered
        ? ((await this.#all(connection, "oldest", { webhookId, state: "pending", limit: 1 }))[0] ?? {})
        : (((await connection.run(SQL.nextAt, { webhookId, now }))[0] as { next_at?: number } | undefined) ??
          {});
      if (leased?.ms === null || leased === undefined) return next;
      return Math.min(
        next !== undefined && next > now ? next : Number.POSITIVE_INFINITY,
        now + Number(leased.ms),
      );
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

  /** Those that may start now, and that no other bus is sending. For use inside a transaction. */
  async #free(
    connection: Connection,
    { webhook_id: webhookId, ordered }: Webhook,
    { now, limit, skip }: { now: number; limit: number; skip: ReadonlySet<number> },
  ): Promise<Delivery[]> {
    const { owner } = this.parts;
    if (ordered) {
      const [head] = pickHead((await this.#all(connection, "head", { webhookId }))[0], now, skip);
      if (head === undefined) return [];
      const [row] = await connection.run(SQL.isFree, { id: head.delivery_id, owner });
      return row?.free === true ? [head] : [];
    }
    const retries = await this.#all(connection, "dueRetries", {
      webhookId,
      now,
      owner,
      limit: 1 + skip.size,
    });
    const due = await this.#all(connection, "due", { webhookId, now, owner, limit: limit + skip.size });
    return pickDue(retries, due, limit, skip);
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
