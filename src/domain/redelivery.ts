import type { DeliveryStore, RedeliveryPage } from "./outbox.ts";

/** Works in pages, so that other writes can interleave. */
const PAGE = 500;

/** Queues every dead and expired delivery again. Returns how many. */
export async function redeliverGivenUp(deliveries: DeliveryStore, webhookId: number): Promise<number> {
  for (let queued = 0; ; ) {
    const page = await deliveries.redeliverGivenUp(webhookId, PAGE);
    queued += page;
    if (page < PAGE) return queued;
  }
}

/**
 * Queues the matching events from `since` on, also those that were delivered. With `enables` only those that
 * were never queued, and enables the webhook. Returns how many.
 */
export async function redeliverSince(
  deliveries: DeliveryStore,
  since: number,
  how: Pick<RedeliveryPage, "webhookId" | "enables">,
): Promise<number> {
  for (let [queued, after] = [0, since - 1]; ; ) {
    const page = await deliveries.redeliverMatching({ ...how, after, limit: PAGE });
    queued += page.queued;
    if (page.next === undefined) return queued;
    after = page.next;
  }
}
