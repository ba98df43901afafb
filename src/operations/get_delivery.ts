import type { Call } from "../domain/call.ts";
import { goneWords } from "../domain/channel.ts";
import type { Bus } from "../domain/context.ts";
import { type Mail, recipientOf } from "../domain/direct_message.ts";
import { PERSON } from "../domain/event.ts";
import { type Reach, reachWords } from "../domain/reach.ts";
import { reachOf } from "../domain/reachability.ts";
import type { Session } from "../domain/session.ts";
import type { Json } from "../lib/json.ts";
import { operation } from "./operation.ts";
import { EVENT_ID, WAIT } from "./params.ts";

const LOOK_AGAIN_MS = 100;

export const getDelivery = operation({
  name: "get_delivery",
  about: "Delivery status of a direct message.",
  effect: "reads",
  scope: "read",
  params: {
    event_id: { ...EVENT_ID, about: "Message id" },
    wait_seconds: {
      ...WAIT,
      optional: true,
      flag: "wait",
      about: "Wait until seen",
      help: "Seconds to wait until it is seen",
    },
  },
  command: {
    name: "message",
    words: [{ param: "event_id", placeholder: "ID" }],
    examples: [
      ["message 42", "show whether it was seen"],
      ["message 42 --wait 60", "wait up to a minute until it is seen"],
    ],
    timeoutMs: (args) => 10_000 + Number(args.wait_seconds ?? 0) * 1000,
  },
  async run(bus, { event_id, wait_seconds }, call) {
    const event = await bus.store.events.get(event_id);
    if (event === undefined) return { error: `There is no event ${event_id}.`, event_id };
    if (recipientOf(event.channel) === null)
      return {
        error: `Event ${event_id} is not a direct message. Its channel is ${event.channel}.`,
        event_id,
      };
    const mail = await settled(bus, event_id, wait_seconds ?? 0, call);
    return {
      event_id,
      channel: event.channel,
      published_at: event.timestamp,
      deliveries: await Promise.all(mail.map((one) => deliveryOf(bus, one))),
    };
  },
  print(result, to) {
    const deliveries = result.deliveries as Json[];
    if (deliveries.length === 0) return to.line("No delivery status was kept for this message.");
    for (const one of deliveries) {
      const when = one.acked_at ?? one.seen_at ?? one.offered_at;
      const by = one.offered_by === null ? "" : ` (${to.text(one.offered_by)})`;
      to.line(
        `${to.bold(to.text(one.name ?? one.recipient))}: ${to.text(one.state)}${when === null ? "" : ` ${to.ago(when)}${by}`}, ${to.text(reachWords(one.reach))}`,
      );
      if (one.warning !== undefined) to.prose(to.text(one.warning));
    }
  },
});

/** The message's deliveries. Waits until each was seen, at most `seconds`. */
async function settled(bus: Bus, eventId: number, seconds: number, call: Call): Promise<Mail[]> {
  if (seconds === 0) return bus.store.mail.of(eventId);
  let mail: Mail[] = [];
  // There is no event for a message that was seen.
  const wait = { call, seconds, everyMs: LOOK_AGAIN_MS };
  for await (const _ of bus.subscriptions.subscribe(() => false, undefined, wait)) {
    mail = await bus.store.mail.of(eventId);
    if (mail.every(({ seen_at }) => seen_at !== null)) break;
  }
  return mail;
}

async function deliveryOf(bus: Bus, { event_id: _, recipient, ...mail }: Mail): Promise<Json> {
  const session = recipient.startsWith("@") ? undefined : await bus.store.sessions.get(recipient);
  return {
    recipient,
    ...(session && { name: session.name, display_id: session.display_id }),
    ...mail,
    reach: await reachOfRecipient(bus, recipient, session),
    ...(await warningOf(bus, session, mail.seen_at)),
  };
}

/** Tells of an unseen message whose recipient is not here. */
async function warningOf(bus: Bus, session: Session | undefined, seenAt: string | null): Promise<Json> {
  const warning = session === undefined || seenAt !== null ? undefined : await goneWords(bus, session);
  return warning === undefined ? {} : { warning };
}

function reachOfRecipient(bus: Bus, recipient: string, session: Session | undefined): Promise<Reach> | Reach {
  if (recipient === PERSON) return "waiting_for_person";
  return session === undefined ? "not_here" : reachOf(bus, session);
}
