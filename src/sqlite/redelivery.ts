import { webhookMatches } from "../domain/webhook.ts";
import type { DeliveryStore, OutboxParts } from "./deliveries.ts";

const PAGE = 500;

type Requeue = Pick<DeliveryStore, "redeliver" | "redeliverDead" | "redeliverSince" | "enableSince">;

/** What a person asks to be sent again, in pages: however much it is, other writes come between. */
export function createRequeue(parts: OutboxParts): Requeue {
  const { rows, webhooks, events, writer, steady } = parts;
  return {
    redeliver: (webhookId, eventId) =>
      writer.write(() => {
        if (events.get(eventId) === undefined) return false;
        rows.restart(webhookId, eventId, steady());
        return true;
      }),
    redeliverDead: (webhookId) => redeliverDead(parts, webhookId),
    redeliverSince: (webhookId, since) =>
      eachMatching(parts, webhookId, since, (eventId) => {
        rows.restart(webhookId, eventId, steady());
        return true;
      }),
    enableSince: (webhookId, since) =>
      eachMatching(
        parts,
        webhookId,
        since,
        (eventId) => rows.enqueue(webhookId, eventId, steady()),
        () => webhooks.setActive(webhookId, true, null),
      ).finally(webhooks.forget),
  };
}

async function redeliverDead({ rows, writer, steady }: OutboxParts, webhookId: number): Promise<number> {
  let queued = 0;
  for (const state of ["dead", "expired"] as const) {
    for (let page = PAGE; page === PAGE; queued += page) {
      page = await writer.write(() => {
        const found = rows.ofState(webhookId, state, "oldest", PAGE);
        for (const delivery of found) rows.restart(webhookId, delivery.event_id, steady());
        return found.length;
      });
    }
  }
  return queued;
}

/** Runs `queue` for every matching event from `since` on, and `last` in the transaction of the last ones. */
async function eachMatching(
  { webhooks, events, writer }: OutboxParts,
  webhookId: number,
  since: number,
  queue: (eventId: number) => boolean,
  last: () => void = () => {},
): Promise<number> {
  let queued = 0;
  for (let after: number | undefined = since - 1; after !== undefined; ) {
    const start: number = after;
    const page = await writer.write(() => {
      const webhook = webhooks.get(webhookId);
      if (webhook === undefined) return { queued: 0, next: undefined };
      const event_types = webhook.event_types ?? undefined;
      const { events: found, full } = events.select({ after: start, limit: PAGE, order: "asc", event_types });
      const fresh = found.filter((event) => webhookMatches(webhook, event) && queue(event.id));
      if (!full) last();
      return { queued: fresh.length, next: full ? found.at(-1)?.id : undefined };
    });
    queued += page.queued;
    after = page.next;
  }
  return queued;
}
