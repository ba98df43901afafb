import type { Deliveries, Delivery, Outcome, Webhook } from "../domain/webhook.ts";
import { Breaker } from "./circuit_breaker.ts";
import { Deliverer, type DelivererOptions } from "./delivery.ts";
import { checkedAddresses, TargetError } from "./target.ts";

/** Attempts at the same time. */
const PER_WEBHOOK = 4;
const IN_ALL = 64;
/** Maximum number of places that busy webhooks leave to idle ones. */
const MOST_RESERVED = 32;
const TIDY_MS = 60_000;
const TIDY_MORE_MS = 50;
const AFTER_ERROR_MS = 1_000;
const LONGEST_SLEEP_MS = 60_000;

export interface SchedulerOptions extends DelivererOptions {
  /** Maximum number of pending deliveries of one webhook. The oldest beyond it expire. */
  mostPending: number;
}

/** State of one webhook. */
interface Lane {
  breaker: Breaker;
  /** Deliveries that are being sent. */
  running: Set<number>;
  /** Time to ask the outbox again (steady clock, in ms). */
  lookAt: number;
  /** True if there was something to send and no free place. */
  crowdedOut: boolean;
  /** Number of its last attempt among all. */
  turn: number;
}

/**
 * Sends the deliveries of the outbox. The database is the queue. Memory holds only what is being sent: at most 4 deliveries
 * of one webhook and 64 in all. Some places are kept for webhooks that send nothing yet.
 */
export class Scheduler implements Deliveries {
  readonly #options: SchedulerOptions;
  readonly #deliverer: Deliverer;
  readonly #lanes = new Map<number, Lane>();
  readonly #inFlight = new Set<number>();
  /** Webhooks with new deliveries since the last round. */
  readonly #queued = new Set<number>();
  #wanted = false;
  #awake = false;
  #stopped = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #round: Promise<void> = Promise.resolve();
  #tidyAt = 0;
  #turn = 0;

  constructor(options: SchedulerOptions) {
    this.#options = options;
    this.#deliverer = new Deliverer(options);
  }

  /** Continues where an earlier process ended. */
  async start(): Promise<void> {
    const { store, log } = this.#options;
    store.listen((_event, webhookIds) => this.#enqueued(webhookIds));
    try {
      await store.deliveries.clamp();
    } catch (error) {
      // A bus with a full disk starts all the same: reads work, and nothing is lost.
      log.warn(`could not check webhook deliveries: ${error}`);
    }
    this.#wake();
  }

  /** Starts nothing more and waits up to `ms` for what is being sent. The rest is sent again after the next start. */
  async stop(ms: number): Promise<void> {
    this.#stopped = true;
    await this.#round;
    clearTimeout(this.#timer);
    await this.#quiet(ms);
    this.#deliverer.stop();
    await this.#quiet(ms);
  }

  poke(webhookId: number): void {
    const lane = this.#lane(webhookId);
    lane.breaker.retryNow();
    lane.lookAt = 0;
    this.#wake();
  }

  inFlight(): ReadonlySet<number> {
    return this.#inFlight;
  }

  test(webhook: Webhook): Promise<Outcome> {
    return this.#deliverer.test(webhook);
  }

  async refuseUrl(url: string, local: boolean): Promise<string | null> {
    try {
      await checkedAddresses(new URL(url), local, this.#options.policy);
      return null;
    } catch (error) {
      if (!(error instanceof TargetError)) throw error;
      // A name without an address now may have one at the next attempt. A forbidden address stays forbidden.
      return error.unresolved ? null : `url: ${error.message}.`;
    }
  }

  async #quiet(ms: number): Promise<void> {
    const deadline = performance.now() + ms;
    while (this.#inFlight.size > 0 && performance.now() < deadline)
      await new Promise((resolve) => setTimeout(resolve, 5));
  }

  #enqueued(webhookIds: readonly number[]): void {
    if (webhookIds.length === 0) return;
    for (const id of webhookIds) this.#queued.add(id);
    this.#wake();
  }

  // One round at a time. A request during a round starts another one after it.
  #wake(): void {
    this.#wanted = true;
    if (this.#awake) return;
    this.#awake = true;
    setImmediate(() => {
      this.#wanted = false;
      this.#round = this.#startWhatIsDue().catch((error) => {
        this.#options.log.warn(`could not start webhook deliveries: ${error}`);
        this.#sleep(AFTER_ERROR_MS);
      });
      this.#round.then(() => {
        this.#awake = false;
        if (this.#wanted) this.#wake();
      });
    });
  }

  async #startWhatIsDue(): Promise<void> {
    const { store, clock } = this.#options;
    if (this.#stopped) return;
    if (clock.steady() >= this.#tidyAt) await this.#tidy();
    const now = clock.steady();
    for (const id of this.#queued) this.#lane(id).lookAt = 0;
    this.#queued.clear();
    const active = (await store.webhooks.list()).filter((webhook) => webhook.active);
    const turns = active
      .map((webhook) => ({ webhook, lane: this.#lane(webhook.webhook_id) }))
      .sort((a, b) => a.lane.running.size - b.lane.running.size || a.lane.turn - b.lane.turn);
    const lanes = turns.map(({ lane }) => lane);
    for (const { webhook, lane } of turns)
      if (lane.lookAt <= now) lane.lookAt = await this.#serve(webhook, lane, lanes, now);
    this.#sleep(clock.until(Math.min(this.#tidyAt, ...lanes.map(({ lookAt }) => lookAt))));
  }

  /** Starts the due deliveries of one webhook. Returns when to look again (ms). The end of an attempt is a time to look too. */
  async #serve(webhook: Webhook, lane: Lane, lanes: readonly Lane[], now: number): Promise<number> {
    const { store } = this.#options;
    const { breaker, running } = lane;
    const allowed = breaker.allowance(now, running.size, webhook.ordered ? 1 : PER_WEBHOOK);
    if (allowed <= 0) return breaker.notBefore > now ? breaker.notBefore : Number.POSITIVE_INFINITY;
    const places = Math.min(allowed, this.#places(lane, lanes));
    lane.crowdedOut = places <= 0;
    if (places <= 0) return Number.POSITIVE_INFINITY;
    const claimed = this.#stopped ? [] : await store.deliveries.claim(webhook, now, places, running);
    for (const delivery of claimed) this.#send(webhook, lane, delivery);
    if (breaker.notBefore > now) return breaker.notBefore;
    lane.crowdedOut = claimed.length === places && places < allowed;
    if (claimed.length === places) return Number.POSITIVE_INFINITY;
    if (running.size === 0) breaker.drained();
    return (await store.deliveries.nextAt(webhook, now)) ?? Number.POSITIVE_INFINITY;
  }

  #places(lane: Lane, lanes: readonly Lane[]): number {
    const free = IN_ALL - this.#inFlight.size;
    const idle = lanes.filter((other) => other !== lane && other.running.size === 0 && !other.breaker.open);
    const unreserved = free - Math.min(idle.length, MOST_RESERVED);
    return lane.running.size > 0 ? unreserved : Math.max(unreserved, Math.min(free, 1));
  }

  #lane(webhookId: number): Lane {
    const known = this.#lanes.get(webhookId);
    if (known !== undefined) return known;
    const lane: Lane = { breaker: new Breaker(), running: new Set(), lookAt: 0, crowdedOut: false, turn: 0 };
    this.#lanes.set(webhookId, lane);
    return lane;
  }

  #sleep(ms: number): void {
    clearTimeout(this.#timer);
    if (!this.#stopped)
      this.#timer = setTimeout(() => this.#wake(), Math.min(Math.max(ms, 1), LONGEST_SLEEP_MS));
  }

  #send(webhook: Webhook, lane: Lane, delivery: Delivery): void {
    lane.running.add(delivery.delivery_id);
    this.#inFlight.add(delivery.delivery_id);
    lane.breaker.started(this.#options.clock.steady());
    lane.turn = ++this.#turn;
    this.#carry(webhook, lane, delivery)
      .catch((error) => {
        this.#options.log.warn(`webhook ${webhook.webhook_id} event ${delivery.event_id}: ${error}`);
        lane.breaker.holdUntil(this.#options.clock.steady() + AFTER_ERROR_MS);
      })
      .finally(() => {
        lane.running.delete(delivery.delivery_id);
        this.#inFlight.delete(delivery.delivery_id);
        lane.lookAt = 0;
        for (const other of this.#lanes.values()) if (other.crowdedOut) other.lookAt = 0;
        this.#wake();
      });
  }

  async #carry(webhook: Webhook, { breaker }: Lane, delivery: Delivery): Promise<void> {
    const outcome = await this.#deliverer.send(webhook, delivery);
    if (outcome === null) return;
    breaker.ended(outcome, this.#options.clock.steady());
    await this.#deliverer.record(webhook, delivery, outcome);
  }

  // Errors are logged only: sending continues while the database takes no writes.
  async #tidy(): Promise<void> {
    const { store, mostPending, log, clock } = this.#options;
    let more = false;
    try {
      const tidied = await store.deliveries.tidy(mostPending);
      more = tidied.more;
      for (const { webhookId, count } of tidied.expired)
        log.warn(`webhook ${webhookId}: ${count} deliveries expired`);
      const known = new Set((await store.webhooks.list()).map((webhook) => webhook.webhook_id));
      for (const [id, lane] of this.#lanes)
        if (!known.has(id) && lane.running.size === 0) this.#lanes.delete(id);
    } catch (error) {
      log.warn(`could not clean up webhook deliveries: ${error}`);
    }
    this.#tidyAt = clock.steady() + (more ? TIDY_MORE_MS : TIDY_MS);
  }
}
