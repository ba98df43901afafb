import { expiryReason, pickDue, pickHead } from "../domain/delivery_policy.ts";
import type { DeliveryQuery, DeliveryStore, RedeliveryPage, Settlement, Tidied } from "../domain/outbox.ts";
import { KEEP_MS, longestWait, MOST_ATTEMPTS } from "../domain/retry_schedule.ts";
import type { Delivery, DeliveryState, Outcome, Webhook } from "../domain/webhook.ts";
import { webhookMatches } from "../domain/webhook.ts";
import type { Named } from "../runtime/runtime.ts";
import { deliveryOfRow, SQL } from "./delivery_sql.ts";
import type { EventTable } from "./events.ts";
import { type Parts, Table } from "./parts.ts";
import type { WebhookTable } from "./webhooks.ts";

/** Deliveries that one step of tidying looks at. */
const STEP = 500;

export interface DeliveryParts extends Parts {
  events: EventTable;
  webhooks: WebhookTable;
}

type Select = "due" | "dueRetries" | "oldest" | "newest" | "newestOfAny" | "byId";

/** The outbox. */
export class DeliveryTable extends Table<keyof typeof SQL, DeliveryParts> implements DeliveryStore {
  constructor(parts: DeliveryParts) {
    super(parts, SQL);
  }

  claim(webhook: Webhook, now: number, limit: number, skip: ReadonlySet<number>): Promise<Delivery[]> {
    const { webhook_id: webhookId, ordered } = webhook;
    return this.writer.read(() => {
      if (!this.parts.webhooks.find(webhookId)?.active) return [];
      if (ordered) return pickHead(this.#head(webhookId), now, skip);
      const retries = this.#all("dueRetries", { webhookId, now, limit: 1 + skip.size });
      const due = this.#all("due", { webhookId, now, limit: limit + skip.size });
      return pickDue(retries, due, limit, skip);
    });
  }

  nextAt({ webhook_id: webhookId, ordered }: Webhook, now: number): Promise<number | undefined> {
    return this.writer.read(() => {
      if (ordered) return this.#head(webhookId)?.next_at;
      return this.sql.nextAt.get({ webhookId, now })?.next_at as number | undefined;
    });
  }

  settle(delivery: Delivery, settlement: Settlement, { status, error, ms }: Outcome): Promise<void> {
    const { webhooks, now } = this.parts;
    const { state, next_at: nextAt } = settlement;
    const { delivery_id: id, webhook_id: webhookId, created_at: createdAt } = delivery;
    const [attempts, redelivery] = [delivery.attempts + 1, delivery.redelivery ? 1 : 0];
    return this.writer.write(() => {
      const result = { state, attempts, nextAt, status, error, ms, at: now() };
      this.sql.settle.run({ id, createdAt, redelivery, ...result });
      if (error === null) webhooks.succeeded(webhookId);
      else webhooks.failed(webhookId, error);
    });
  }

  expire(delivery: Delivery, reason: string): Promise<void> {
    return this.writer.write(() => this.#expire(delivery, reason));
  }

  list(query: DeliveryQuery): Promise<Delivery[]> {
    return this.writer.read(() => {
      const { state, inFlight, limit } = query;
      const ahead = this.parts.now() - this.parts.steady();
      return this.#found(query)
        .map((row) => ({
          ...row,
          state: inFlight.has(row.delivery_id) ? ("in_flight" as const) : row.state,
          next_at: row.next_at === 0 ? 0 : row.next_at + ahead,
        }))
        .filter((row) => state === undefined || row.state === state)
        .sort((a, b) => b.event_id - a.event_id || a.webhook_id - b.webhook_id)
        .slice(0, limit);
    });
  }

  counts(webhookId: number) {
    const count = (state: DeliveryState) => Number(this.sql.count.get({ webhookId, state })?.count);
    const states = () => ({ pending: count("pending"), dead: count("dead"), expired: count("expired") });
    return this.writer.read(states);
  }

  redeliver(webhookId: number, eventId: number): Promise<boolean> {
    return this.writer.write(() => {
      if (this.parts.events.find(eventId) === undefined) return false;
      this.#restart(webhookId, eventId);
      return true;
    });
  }

  redeliverGivenUp(webhookId: number, limit: number): Promise<number> {
    return this.writer.write(() => {
      const dead = this.#all("oldest", { webhookId, state: "dead", limit });
      const expired = this.#all("oldest", { webhookId, state: "expired", limit: limit - dead.length });
      for (const { event_id } of [...dead, ...expired]) this.#restart(webhookId, event_id);
      return dead.length + expired.length;
    });
  }

  redeliverMatching(page: RedeliveryPage): Promise<{ queued: number; next: number | undefined }> {
    const { webhookId, after, limit, enables } = page;
    const { webhooks, events } = this.parts;
    return this.writer.write(() => {
      const webhook = webhooks.find(webhookId);
      if (webhook === undefined) return { queued: 0, next: undefined };
      const event_types = webhook.event_types ?? undefined;
      const { events: found, full } = events.select({ after, limit, order: "asc", event_types });
      let queued = 0;
      for (const event of found) {
        if (!webhookMatches(webhook, event)) continue;
        if (!enables) this.#restart(webhookId, event.id);
        if (!enables || this.enqueue(webhookId, event.id)) queued++;
      }
      if (!full && enables) webhooks.turn(webhookId, true);
      return { queued, next: full ? found.at(-1)?.id : undefined };
    });
  }

  tidy(mostPending: number): Promise<Tidied> {
    const { now, steady } = this.parts;
    return this.writer.write(() => {
      // A clock that was set forward must not hide what the user had no time to look at.
      const lastBefore = Math.min(now(), steady()) - KEEP_MS;
      const forgotten = this.sql.forget.run({ lastBefore, limit: STEP }).changes;
      const expired: Tidied["expired"] = [];
      let left = STEP;
      for (const webhookId of this.#waitingWebhooks()) {
        if (left === 0) break;
        const count = this.#expireSome(webhookId, mostPending, left);
        if (count > 0) expired.push({ webhookId, count });
        left -= count;
      }
      return { expired, more: forgotten === STEP || left === 0 };
    });
  }

  clamp(): Promise<void> {
    return this.writer.write(() => {
      for (const webhookId of this.#waitingWebhooks())
        for (let attempts = 1; attempts < MOST_ATTEMPTS; attempts++)
          for (const asked of [false, true]) {
            const most = Math.ceil(this.parts.steady() + longestWait(attempts, asked));
            this.sql.clamp.run({ webhookId, attempts, asked: asked ? 1 : 0, most });
          }
    });
  }

  /** Queues an event for a webhook, unless it was ever queued for it. True if it was not. */
  enqueue(webhookId: number, eventId: number): boolean {
    return this.sql.enqueue.run({ webhookId, eventId, now: this.parts.steady() }).changes > 0;
  }

  #all(select: Select, params: Named): Delivery[] {
    return this.sql[select].all(params).map(deliveryOfRow);
  }

  #head(webhookId: number): Delivery | undefined {
    return this.#all("oldest", { webhookId, state: "pending", limit: 1 })[0];
  }

  /** Starts a delivery over at once, or makes it, as a redelivery. */
  #restart(webhookId: number, eventId: number): void {
    this.sql.restart.run({ webhookId, eventId, now: this.parts.steady() });
  }

  #expire({ delivery_id: id }: Delivery, reason: string): void {
    this.sql.expire.run({ id, at: this.parts.now(), reason });
  }

  #expireSome(webhookId: number, mostPending: number, limit: number): number {
    const beyond = this.sql.beyond.get({ webhookId, most: mostPending })?.event_id;
    const backlog = { beyond: beyond === undefined ? undefined : Number(beyond), most: mostPending };
    const webhook = this.parts.webhooks.find(webhookId);
    let count = 0;
    for (const delivery of this.#all("oldest", { webhookId, state: "pending", limit })) {
      const reason = expiryReason(delivery, webhook, backlog, this.parts.steady());
      if (reason === null) continue;
      this.#expire(delivery, reason);
      count++;
    }
    return count;
  }

  #found({ webhook_id, state, inFlight, limit }: DeliveryQuery): Delivery[] {
    const ids =
      webhook_id === undefined ? this.parts.webhooks.all().map((one) => one.webhook_id) : [webhook_id];
    if (state === undefined)
      return ids.flatMap((webhookId) => this.#all("newestOfAny", { webhookId, limit }));
    if (state === "in_flight") {
      const sent = [...inFlight].flatMap((id) => this.#all("byId", { id }));
      return sent.filter((row) => ids.includes(row.webhook_id));
    }
    // Some of those pending are being sent.
    const most = state === "pending" ? limit + inFlight.size : limit;
    return ids.flatMap((webhookId) => this.#all("newest", { webhookId, state, limit: most }));
  }

  /** Ids of the webhooks that have something pending, even if they no longer exist. */
  #waitingWebhooks(): number[] {
    const ids: number[] = [];
    const after = (id: number) => this.sql.nextWaiting.get({ after: id });
    for (let row = after(0); row !== undefined; row = after(ids.at(-1) ?? 0))
      ids.push(Number(row.webhook_id));
    return ids;
  }
}
