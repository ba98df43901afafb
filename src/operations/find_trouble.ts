import type { Bus } from "../domain/context.ts";
import type { LatestMail } from "../domain/direct_message.ts";
import type { Reach } from "../domain/reach.ts";
import type { Session } from "../domain/session.ts";
import {
  isUndelivered,
  isUnseen,
  type MailReach,
  silentTrouble,
  sourceTrouble,
  storageTrouble,
  type TroubleRow,
  tokenTrouble,
  undeliveredWhy,
  webhookTrouble,
} from "../domain/trouble.ts";
import type { Json } from "../lib/json.ts";
import { Memo } from "./memo.ts";

/** Undelivered messages that are told one by one. */
const MOST_ROWS = 50;
/** Counting the deliveries of a webhook takes a while. */
const WEBHOOKS_MS = 2_000;

/** Facts that are known already. `sessions`: the views of the live ones. */
export interface Known {
  live: readonly Session[];
  sessions: readonly Json[];
  /** Newest first. */
  mail: readonly LatestMail[];
}

const memos = new WeakMap<Bus, Memo<(TroubleRow | null)[]>>();

/** All troubles, the gravest kind first. */
export async function troubleIn(bus: Bus, known: Known): Promise<TroubleRow[]> {
  const now = bus.now();
  const webhooks = memos.get(bus) ?? new Memo(() => webhookTroubles(bus));
  memos.set(bus, webhooks);
  const storage = bus.store.trouble();
  const rows = [
    storage === null ? null : storageTrouble(storage),
    ...(await undelivered(bus, known)),
    ...(await webhooks.get(WEBHOOKS_MS)),
    ...(await sourceTroubles(bus)),
    ...known.live.map((session, i) => silentTrouble(session, known.sessions[i] as unknown as Reached, now)),
    ...bus.endingTokens().map((token) => tokenTrouble(token, now)),
  ];
  return rows.filter((row) => row !== null);
}

interface Reached {
  reach: Reach;
  unread: number;
}

async function undelivered(bus: Bus, { live, sessions, mail }: Known): Promise<TroubleRow[]> {
  const known = new Map(
    live.map(({ session_id, name }, i) => [session_id, { name, reach: sessions[i]?.reach }]),
  );
  const nameOf = async (id: string) => known.get(id)?.name ?? (await bus.store.sessions.get(id))?.name;
  const rows = mail.filter(isUnseen).map(async ({ event_id, recipient, sender, sent_at: since }) => {
    // A name that starts with @ belongs to a session once one claims it.
    const absent = recipient.startsWith("@") ? "unclaimed" : "not_here";
    const reach = (known.get(recipient)?.reach ?? absent) as MailReach;
    if (since === null || sender === null || !isUndelivered(reach, since, bus.now())) return null;
    const [from = sender, to = recipient] = [await nameOf(sender), await nameOf(recipient)];
    const row = { kind: "undelivered", event_id, from, to, since } as const;
    return { ...row, why: undeliveredWhy(reach, to) };
  });
  return (await Promise.all(rows)).filter((row) => row !== null).slice(0, MOST_ROWS);
}

async function sourceTroubles({ store, inbound, now }: Bus): Promise<(TroubleRow | null)[]> {
  const sources = await store.sources.list();
  return sources.map((source) => sourceTrouble(source, inbound.refusals(source.name), now()));
}

async function webhookTroubles({ store, now }: Bus): Promise<(TroubleRow | null)[]> {
  const { webhooks, deliveries } = store;
  const rows: (TroubleRow | null)[] = [];
  for (const webhook of await webhooks.list()) {
    const counts = await deliveries.counts(webhook.webhook_id);
    const nextAt = await deliveries.nextAt(webhook, now());
    rows.push(webhookTrouble(webhook, counts, nextAt || undefined));
    // Other calls come between.
    await new Promise((resolve) => setImmediate(resolve));
  }
  return rows;
}
