import type { Event } from "../../bus/event.ts";
import { visibleLine } from "../../bus/text.ts";
import type { Deliveries, Delivery, Outcome, Webhook } from "../../bus/webhook.ts";
import type { Store } from "../../store/store.ts";
import { type AddressPolicy, checkedAddress, TargetError } from "./address.ts";
import { attempt, type Target } from "./attempt.ts";
import { Breaker } from "./breaker.ts";
import type { Clock } from "./clock.ts";
import { giveUpReason, isEndpointFailure, judge } from "./judge.ts";
import { deliveryMessage, type Sender, testMessage } from "./request.ts";

const PER_WEBHOOK = 4;
const IN_ALL = 64;
const TIDY_MS = 60_000;
const LONGEST_SLEEP_MS = 60_000;

export interface PumpOptions {
  store: Store;
  sender: Sender;
  policy: AddressPolicy;
  clock: Clock;
  /** Of one attempt, ms. */
  timeoutMs: number;
  /** Pending deliveries of one webhook; the oldest beyond it expire. */
  mostPending: number;
  /** Tells everyone that the bus gave up on a webhook. */
  announceDisabled(webhook: Webhook, reason: string): Promise<void>;
  log: { info(message: string): void; warn(message: string): void };
}

/** A webhook's side of the pump. */
interface Lane {
  breaker: Breaker;
  running: Set<number>;
  /** Steady time from which it is worth asking the outbox again, ms. */
  lookAt: number;
}

/**
 * Sends what the outbox holds. The queue is the database: memory holds only what is being sent. At most 4 at a time for
 * one webhook and 64 in all, the last places kept for webhooks that have none.
 */
export class Pump implements Deliveries {
  readonly #options: PumpOptions;
  readonly #lanes = new Map<number, Lane>();
  readonly #inFlight = new Set<number>();
  #poked = false;
  #stopped = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #round: Promise<void> = Promise.resolve();
  #tidyAt = 0;

  constructor(options: PumpOptions) {
    this.#options = options;
  }

  /** Takes up what an earlier process left. */
  async start(): Promise<void> {
    await this.#options.store.deliveries.clamp(this.#options.clock.steady());
    this.poke();
  }

  /** Starts nothing more and waits at most `ms` for what is being sent; the rest goes again after the next start. */
  async stop(ms: number): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#round;
    const deadline = performance.now() + ms;
    while (this.#inFlight.size > 0 && performance.now() < deadline)
      await new Promise((resolve) => setTimeout(resolve, 5));
  }

  poke(webhookId?: number): void {
    if (webhookId !== undefined) this.#lane(webhookId).lookAt = 0;
    if (this.#poked || this.#stopped) return;
    this.#poked = true;
    setImmediate(() => {
      this.#poked = false;
      this.#round = this.#round
        .then(() => this.#startWhatIsDue())
        .catch((error) => this.#options.log.warn(`webhook deliveries could not be read: ${error}`));
    });
  }

  inFlight(): ReadonlySet<number> {
    return this.#inFlight;
  }

  async test(webhook: Webhook): Promise<Outcome> {
    const { sender, clock } = this.#options;
    const { headers, body } = await testMessage(sender, webhook, clock.wall());
    return attempt(this.#target(webhook), headers, body);
  }

  async refuseUrl(url: string, local: boolean): Promise<string | null> {
    try {
      await checkedAddress(new URL(url), local, this.#options.policy);
      return null;
    } catch (error) {
      if (!(error instanceof TargetError)) throw error;
      // A name without an address now may well have one at the next attempt; a forbidden address stays forbidden.
      return error.unresolved ? null : `url: ${error.message}.`;
    }
  }

  async #startWhatIsDue(): Promise<void> {
    const { store, clock } = this.#options;
    if (this.#stopped) return;
    const now = clock.steady();
    if (now >= this.#tidyAt) await this.#tidy(now);
    for (const id of store.deliveries.takeQueued()) this.#lane(id).lookAt = 0;
    const active = (await store.webhooks.list()).filter((webhook) => webhook.active);
    const load = ({ webhook_id }: Webhook) => this.#lane(webhook_id).running.size;
    for (const webhook of active.toSorted((a, b) => load(a) - load(b))) {
      const lane = this.#lane(webhook.webhook_id);
      if (lane.lookAt <= now) lane.lookAt = await this.#serve(webhook, lane, active, now);
    }
    this.#sleepUntil(
      Math.min(this.#tidyAt, ...active.map(({ webhook_id }) => this.#lane(webhook_id).lookAt)),
    );
  }

  /** Starts what one webhook may have started; returns when to look again, ms. An attempt that ends looks at once. */
  async #serve(webhook: Webhook, lane: Lane, active: readonly Webhook[], now: number): Promise<number> {
    const { store } = this.#options;
    const { breaker, running } = lane;
    const allowed = breaker.allowance(now, running.size, webhook.ordered ? 1 : PER_WEBHOOK);
    if (allowed <= 0) return breaker.notBefore > now ? breaker.notBefore : Number.POSITIVE_INFINITY;
    const places = Math.min(allowed, this.#freePlaces(lane, active));
    if (places <= 0) return now + 1_000;
    const claimed = await store.deliveries.claim(webhook, now, places, running);
    for (const delivery of claimed) this.#send(webhook, lane, delivery);
    if (breaker.notBefore > now) return breaker.notBefore;
    if (running.size > 0) return Number.POSITIVE_INFINITY;
    breaker.drained();
    return (await store.deliveries.nextAt(webhook)) ?? Number.POSITIVE_INFINITY;
  }

  #freePlaces(lane: Lane, active: readonly Webhook[]): number {
    const free = IN_ALL - this.#inFlight.size;
    if (lane.running.size === 0) return Math.min(free, PER_WEBHOOK);
    const lanes = active.map(({ webhook_id }) => this.#lane(webhook_id));
    return free - lanes.filter(({ running, breaker }) => running.size === 0 && !breaker.open).length;
  }

  #lane(webhookId: number): Lane {
    const known = this.#lanes.get(webhookId);
    if (known !== undefined) return known;
    const lane = { breaker: new Breaker(), running: new Set<number>(), lookAt: 0 };
    this.#lanes.set(webhookId, lane);
    return lane;
  }

  #sleepUntil(time: number): void {
    const wait = Math.min(Math.max(this.#options.clock.until(time), 1), LONGEST_SLEEP_MS);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.poke(), wait);
  }

  #send(webhook: Webhook, lane: Lane, delivery: Delivery): void {
    lane.running.add(delivery.delivery_id);
    this.#inFlight.add(delivery.delivery_id);
    lane.breaker.started(this.#options.clock.steady());
    this.#attempt(webhook, lane, delivery)
      .catch((error) =>
        this.#options.log.warn(`webhook ${webhook.webhook_id}: attempt not recorded: ${error}`),
      )
      .finally(() => {
        lane.running.delete(delivery.delivery_id);
        this.#inFlight.delete(delivery.delivery_id);
        this.poke(webhook.webhook_id);
      });
  }

  async #attempt(webhook: Webhook, lane: Lane, delivery: Delivery): Promise<void> {
    const { store, sender, clock } = this.#options;
    const event = await this.#event(delivery.event_id);
    const { headers, body } = await deliveryMessage(sender, webhook, event, delivery, clock.wall());
    const outcome = await attempt(this.#target(webhook), headers, body);
    const now = clock.steady();
    const { settlement, pause } = judge(delivery, outcome, now, Math.random());
    if (isEndpointFailure(outcome)) lane.breaker.failed(now);
    else lane.breaker.succeeded();
    if (outcome.retryAfterMs > 0) lane.breaker.holdUntil(settlement.next_at);
    this.#report(webhook, delivery, outcome, settlement.state);
    await store.deliveries.settle(delivery, settlement, outcome, now);
    if (outcome.error !== null) await this.#disablePerhaps(webhook.webhook_id, pause, now);
  }

  async #event(id: number): Promise<Event> {
    const { events } = await this.#options.store.events.read({ after: id - 1, limit: 1, order: "asc" });
    if (events[0]?.id !== id) throw new Error(`event ${id} is not in the database`);
    return events[0];
  }

  #target({ url, local }: Webhook): Target {
    return { url, local, policy: this.#options.policy, timeoutMs: this.#options.timeoutMs };
  }

  #report(webhook: Webhook, delivery: Delivery, outcome: Outcome, state: string): void {
    const what = `webhook ${webhook.webhook_id} event ${delivery.event_id} attempt ${delivery.attempts + 1}`;
    const line = `${what} → ${visibleLine(webhook.url, 200)}: ${outcome.error ?? outcome.status} ${outcome.ms} ms`;
    if (outcome.error === null) this.#options.log.info(line);
    else this.#options.log.warn(`${line}, ${state}`);
  }

  async #disablePerhaps(webhookId: number, gone: string | null, now: number): Promise<void> {
    const { store } = this.#options;
    const webhook = await store.webhooks.get(webhookId);
    if (webhook === undefined || !webhook.active) return;
    const reason = gone ?? giveUpReason(webhook, (await store.deliveries.counts(webhookId)).dead, now);
    if (reason === null) return;
    await store.webhooks.setActive(webhookId, false, reason);
    await this.#options.announceDisabled(webhook, reason);
  }

  async #tidy(now: number): Promise<void> {
    const { store, mostPending, log } = this.#options;
    const { expired, more } = await store.deliveries.tidy(now, mostPending);
    for (const { webhookId, count } of expired) log.warn(`webhook ${webhookId}: ${count} deliveries expired`);
    this.#tidyAt = more ? now : now + TIDY_MS;
  }
}
