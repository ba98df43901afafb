import type { DeliveryStore } from "./outbox.ts";

/** Pages let other writes interleave, however much is sent again. */
const PAGE = 500;

/** Queues every dead and expired delivery again; returns how many. */
export async function redeliverGivenUp(deliveries: DeliveryStore, webhookId: number): Promise<number> {
  for (let queued = 0; ; ) {
    const page = await deliveries.redeliverGivenUp(webhookId, PAGE);
    queued += page;
    if (page < PAGE) return queued;
  }
}

/** Queues the matching events from `since` on, also those that were delivered; returns how many. */
export function redeliverSince(deliveries: DeliveryStore, webhookId: number, since: number): Promise<number> {
  return inPages(deliveries, webhookId, since, { again: true, enables: false });
}

/** Queues the matching events from `since` on that were never queued, and enables the webhook; returns how many. */
export function enableSince(deliveries: DeliveryStore, webhookId: number, since: number): Promise<number> {
  return inPages(deliveries, webhookId, since, { again: false, enables: true });
}

async function inPages(
  deliveries: DeliveryStore,
  webhookId: number,
  since: number,
  how: { again: boolean; enables: boolean },
): Promise<number> {
  let queued = 0;
  for (let after: number | undefined = since - 1; after !== undefined; ) {
    const page: { queued: number; next: number | undefined } = await deliveries.redeliverMatching({
      ...how,
      webhookId,
      after,
      limit: PAGE,
    });
    queued += page.queued;
    after = page.next;
  }
  return queued;
}
