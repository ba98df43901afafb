import { heldFor } from "../domain/retry_schedule.ts";
import type { Deliveries, Delivery, Outcome, Webhook } from "../domain/webhook.ts";
import { Breaker } from "./circuit_breaker.ts";
import { Courier, type CourierOptions } from "./delivery.ts";
import { isEndpointFailure } from "./outcome.ts";
import { checkedAddresses, TargetError } from "./target.ts";

const PER_WEBHOOK = 4;
const IN_ALL = 64;
/** Places that busy webhooks leave to those that send nothing yet, at most. */
const MOST_RESERVED = 32;
const TIDY_MS = 60_000;
const TIDY_MORE_MS = 50;
const AFTER_ERROR_MS = 1_000;
const LONGEST_SLEEP_MS = 60_000;

export interface PumpOptions extends CourierOptions {
  /** Pending deliveries of one webhook; the oldest beyond it expire. */
  mostPending: number;
}

/** A webhook's side of the pump. */
interface Lane {
  breaker: Breaker;
  running: Set<number>;
  /** Steady time from which it is worth asking the outbox again, ms. */
  lookAt: number;
  /** It had something to send when no place was free. */
  crowdedOut: boolean;
  /** Turn in which it last sent something. */
  turn: number;
}

/**
 * Sends what the outbox holds. The queue is the database: memory holds only what is being sent. At most 4 at a time for
 * one webhook and 64 in all, some places kept for webhooks that send nothing yet.
 */
export class Pump implements Deliveries {
  readonly #options: PumpOptions;
  readonly #courier: Courier;
  readonly #lanes = new Map<number, Lane>();
  readonly #inFlight = new Set<number>();
  /** Webhooks that got something new since the last round. */
  readonly #queued = new Set<number>();
  #wanted = false;
  #awake = false;
  #stopped = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #round: Promise<void> = Promise.resolve();
  #tidyAt = 0;
  #turn = 0;

  constructor(options: PumpOptions) {
    this.#options = options;
    this.#courier = new Courier(options);
  }

  /** Takes up what an earlier process left. */
  async start(): Promise<void> {
    try {
      await this.#options.store.deliveries.clamp();
    } catch (error) {
      // A full disk keeps no bus from starting: reads go on, and nothing is lost.
      this.#options.log.warn(`webhook deliveries could not be looked through: ${error}`);
    }
    this.#wake();
  }

  /** Starts nothing more and waits at most `ms` for what is being sent; the rest goes again after the next start. */
  async stop(ms: number): Promise<void> {
    this.#stopped = true;
    await this.#round;
    clearTimeout(this.#timer);
    await this.#quiet(ms);
    this.#courier.stop();
    await this.#quiet(ms);
  }

  queued(webhookIds: readonly number[]): void {
    if (webhookIds.length === 0) return;
    for (const id of webhookIds) this.#queued.add(id);
    this.#wake();
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
    return this.#courier.test(webhook);
  }

  async refuseUrl(url: string, local: boolean): Promise<string | null> {
    try {
      await checkedAddresses(new URL(url), local, this.#options.policy);
      return null;
    } catch (error) {
      if (!(error instanceof TargetError)) throw error;
      // A name without an address now may well have one at the next attempt; a forbidden address stays forbidden.
      return error.unresolved ? null : `url: ${error.message}.`;
    }
  }

  async #quiet(ms: number): Promise<void> {
    const deadline = performance.now() + ms;
    while (this.#inFlight.size > 0 && performance.now() < deadline)
      await new Promise((resolve) => setTimeout(resolve, 5));
  }

  // One round at a time; whatever asks for one meanwhile is served by the next.
  #wake(): void {
    this.#wanted = true;
    if (this.#awake) return;
    this.#awake = true;
    setImmediate(() => {
      this.#wanted = false;
      this.#round = this.#startWhatIsDue().catch((error) => {
        this.#options.log.warn(`webhook deliveries could not be started: ${error}`);
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

  /** Starts what one webhook may have started; returns when to look again, ms. An attempt that ends looks at once. */
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
    const lane = {
      breaker: new Breaker(),
      running: new Set<number>(),
      lookAt: 0,
      crowdedOut: false,
      turn: 0,
    };
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
    const outcome = await this.#courier.send(webhook, delivery);
    if (outcome === null) return;
    const now = this.#options.clock.steady();
    if (isEndpointFailure(outcome)) breaker.failed(now);
    else breaker.answered();
    if (outcome.retryAfterMs > 0) breaker.holdUntil(now + heldFor(outcome.retryAfterMs));
    await this.#courier.record(webhook, delivery, outcome);
  }

  // Sending goes on when the database cannot be written just now.
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
      log.warn(`webhook deliveries could not be tidied: ${error}`);
    }
    this.#tidyAt = clock.steady() + (more ? TIDY_MORE_MS : TIDY_MS);
  }
}
