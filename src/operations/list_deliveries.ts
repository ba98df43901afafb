import { DELIVERY_STATES, type Delivery } from "../domain/webhook.ts";
import type { Column } from "../lib/command.ts";
import type { Json } from "../lib/json.ts";
import { operation } from "./operation.ts";
import { WEBHOOK_ID } from "./params.ts";

const COLUMNS: readonly Column[] = [
  { title: "EVENT" },
  { title: "WEBHOOK", drop: 1 },
  { title: "STATE" },
  { title: "ATTEMPTS" },
  { title: "STATUS" },
  { title: "LAST" },
  { title: "NEXT" },
  { title: "REASON", min: 10, drop: 2 },
];

export const listDeliveries = operation({
  name: "list_deliveries",
  about: "List webhook deliveries, newest event first.",
  effect: "reads",
  listed: "all",
  params: {
    webhook_id: { ...WEBHOOK_ID, optional: true },
    state: { type: "text", optional: true, max: 16, choices: DELIVERY_STATES, about: "Only this state" },
    limit: {
      type: "integer",
      clamped: true,
      default: 50,
      min: 1,
      max: 1000,
      about: "Maximum number of deliveries",
    },
  },
  command: {
    name: "webhook deliveries",
    words: [{ param: "webhook_id", placeholder: "ID" }],
    examples: [
      ["webhook deliveries", "newest deliveries of all webhooks"],
      ["webhook deliveries 1 --state dead", "events that webhook 1 never received"],
    ],
  },
  async run(bus, { webhook_id, state, limit }) {
    const inFlight = bus.deliveries.inFlight();
    const found = await bus.store.deliveries.list({ webhook_id, state, inFlight, limit });
    return found.map((delivery) => deliveryView(delivery, bus.now()));
  },
  print(result, to) {
    const deliveries = result.result as Json[];
    if (deliveries.length === 0) return to.line("No deliveries.");
    to.table(
      COLUMNS,
      deliveries.map((delivery) => [
        to.bold(`#${to.text(delivery.event_id)}`),
        `#${to.text(delivery.webhook_id)}`,
        to.text(delivery.state),
        to.text(delivery.attempts),
        to.text(delivery.last_status),
        to.ago(delivery.last_at),
        delivery.next_at === null ? "-" : to.time(delivery.next_at),
        to.text(delivery.last_error),
      ]),
    );
  },
});

function deliveryView(delivery: Delivery, now: number): Json {
  const { created_at: _, last_at, next_at, ...rest } = delivery;
  const iso = (ms: number | null) => (ms === null ? null : new Date(ms).toISOString());
  return {
    ...rest,
    last_at: iso(last_at),
    next_at: rest.state === "pending" ? iso(Math.max(next_at, now)) : null,
  };
}
