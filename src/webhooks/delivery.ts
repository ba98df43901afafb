import { setTimeout as sleep } from "node:timers/promises";
import { giveUpReason, judge, mayGiveUp } from "../domain/delivery_policy.ts";
import type { Settlement } from "../domain/outbox.ts";
import type { Store } from "../domain/store.ts";
import { type Delivery, type Outcome, type Webhook, withoutSecrets } from "../domain/webhook.ts";
import { visibleLine } from "../lib/escape.ts";
import type { Clock } from "../lib/steady_clock.ts";
import { attempt } from "./post.ts";
import { deliveryMessage, type Message, type Sender, testMessage } from "./sign.ts";
import type { AddressPolicy } from "./target.ts";

const RECORD_AGAIN_MS = 1_000;
const LONGEST_RECORD_AGAIN_MS = 60_000;

export interface DelivererOptions {
  store: Store;
  sender: Sender;
  policy: AddressPolicy;
  clock: Clock;
  /** Limit of one attempt. */
  timeoutMs: number;
  /** Pauses a webhook that the bus gives up on, and tells everyone. */
  switchOff(webhook: Webhook, reason: string): Promise<void>;
  /** Told of each attempt that was recorded, with the state of its delivery. */
  settled(state: Settlement["state"]): void;
  log: { info(message: string): void; warn(message: string): void };
}

/** Makes one attempt of one delivery, and records its outcome. */
export class Deliverer {
  readonly #options: DelivererOptions;
  readonly #stopping = new AbortController();
  readonly #switchingOff = new Set<number>();

  constructor(options: DelivererOptions) {
    this.#options = options;
  }

  /** Aborts the attempts under way. They are not recorded, and are made again after the next start. */
  stop(): void {
    this.#stopping.abort();
  }

  /** Null if there is nothing to record: the bus stops, or the event of the delivery is missing. */
  async send(webhook: Webhook, delivery: Delivery): Promise<Outcome | null> {
    const { store, sender, clock } = this.#options;
    const event = await store.events.get(delivery.event_id);
    if (event === undefined) {
      await store.deliveries.expire(delivery, "the event is not in the database");
      return null;
    }
    const message = await deliveryMessage(sender, webhook, event, delivery, clock.wall());
    const outcome = await this.#post(webhook, message);
    return this.#stopping.signal.aborted && outcome.status === null ? null : outcome;
  }

  async test(webhook: Webhook): Promise<Outcome> {
    const { sender, clock } = this.#options;
    return this.#post(webhook, await testMessage(sender, webhook, clock.wall()));
  }

  /** Tries until the database takes it: a delivery that is not recorded would be sent again. */
  async record(webhook: Webhook, delivery: Delivery, outcome: Outcome): Promise<void> {
    const { store, clock, log } = this.#options;
    const { settlement, pause } = judge(delivery, outcome, clock.steady(), Math.random());
    this.#report(webhook, delivery, outcome, settlement.state);
    for (let wait = RECORD_AGAIN_MS; ; wait = Math.min(wait * 2, LONGEST_RECORD_AGAIN_MS)) {
      try {
        await store.deliveries.settle(delivery, settlement, outcome);
        this.#options.settled(settlement.state);
        if (outcome.error !== null) await this.#maybeSwitchOff(webhook.webhook_id, pause);
        return;
      } catch (error) {
        if (this.#stopping.signal.aborted) return;
        log.warn(
          `webhook ${webhook.webhook_id} event ${delivery.event_id}: could not record the attempt yet: ${error}`,
        );
        await sleep(wait, undefined, { signal: this.#stopping.signal, ref: false }).catch(() => {});
      }
    }
  }

  #post({ url, local }: Webhook, message: Message): Promise<Outcome> {
    const { policy, timeoutMs, clock } = this.#options;
    return attempt(
      { url, local, policy, timeoutMs, wall: clock.wall, signal: this.#stopping.signal },
      message,
    );
  }

  #report(webhook: Webhook, delivery: Delivery, outcome: Outcome, state: string): void {
    const what = `webhook ${webhook.webhook_id} event ${delivery.event_id} attempt ${delivery.attempts + 1}`;
    const line = `${what} → ${visibleLine(withoutSecrets(webhook.url), 200)}: ${outcome.error ?? outcome.status} ${outcome.ms} ms`;
    if (outcome.error === null) this.#options.log.info(line);
    else this.#options.log.warn(`${line}, ${state}`);
  }

  async #maybeSwitchOff(webhookId: number, pause: string | null): Promise<void> {
    const { store, clock, switchOff } = this.#options;
    const webhook = await store.webhooks.get(webhookId);
    if (webhook === undefined || !webhook.active || this.#switchingOff.has(webhookId)) return;
    const hopeless =
      mayGiveUp(webhook, clock.steady()) && (await store.deliveries.counts(webhookId)).dead > 0;
    const reason = pause ?? (hopeless ? giveUpReason(webhook) : null);
    if (reason === null) return;
    // Several attempts may end in the same way at once.
    this.#switchingOff.add(webhookId);
    try {
      await switchOff(webhook, reason);
    } finally {
      this.#switchingOff.delete(webhookId);
    }
  }
}
