import type { Mail } from "./direct_message.ts";
import { PERSON } from "./event.ts";
import type { WebhookCounts } from "./outbox.ts";
import type { Reach } from "./reach.ts";
import type { Session } from "./session.ts";
import type { Refusals, Source } from "./source.ts";
import type { StorageProblem, Trouble } from "./store.ts";
import type { EndingToken } from "./token.ts";
import type { Webhook } from "./webhook.ts";

/** A problem that the person can do something about. Times are RFC 3339. `why`: a few words. */
export type TroubleRow =
  | { kind: "undelivered"; event_id: number; from: string; to: string; since: string; why: string }
  | ({ kind: "webhook"; webhook_id: number; host: string; status: number | null; since: string | null } & {
      why: string;
      next_at: string | null;
      pending: number;
      dead: number;
      /** The bus gave up on it. */
      paused: boolean;
    })
  | { kind: "session"; session_id: string; name: string; since: string; why: string }
  | { kind: "source"; name: string; since: string; why: string; refused: number }
  | { kind: "token"; name: string; expires_at: string }
  | { kind: "storage"; problem: StorageProblem; since: string; why: string };

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
/** A message that its recipient takes by itself may take longer than one that waits for something else. */
const SLOW_MS = 10 * MINUTE_MS;
/** A token that ends within this time is told of. */
const ENDS_SOON_MS = 7 * DAY_MS;

/** True for a message that may be undelivered. Messages to the person are needs, or wait in the inbox. */
export function isUnseen({ recipient, seen_at }: Mail): boolean {
  return seen_at === null && recipient !== PERSON;
}

/** How its recipient is reached. `unclaimed`: no session has claimed the name. */
export type MailReach = Reach | "unclaimed";

/** True for an unseen message that should have arrived. False again after a day. */
export function isUndelivered(reach: MailReach, sentAt: string, now: number): boolean {
  const age = now - Date.parse(sentAt);
  const reason = REASONS[reach];
  return reason !== undefined && age >= reason.afterMs && age <= DAY_MS;
}

/** Why a message did not arrive. `to`: the recipient's name. */
export function undeliveredWhy(reach: MailReach, to: string): string {
  return REASONS[reach]?.why(to) ?? "";
}

/** A busy session is told of as a whole. A muted one, and one at a dialog, takes its messages later. */
const REASONS: Readonly<Partial<Record<Reach | "unclaimed", { afterMs: number; why(to: string): string }>>> =
  {
    unclaimed: { afterMs: MINUTE_MS, why: (to) => `waits for a session that claims ${to}` },
    not_here: { afterMs: MINUTE_MS, why: (to) => `${to} is not here` },
    polls_only: { afterMs: MINUTE_MS, why: (to) => `${to} has no hooks` },
    over_budget: { afterMs: MINUTE_MS, why: (to) => `${to} is over its budget` },
    wakes: { afterMs: SLOW_MS, why: (to) => `${to} did not take it` },
    next_prompt: { afterMs: SLOW_MS, why: (to) => `${to} waits for its next prompt` },
  };

/** A session at work that used no tool for long, while messages wait for its next one. Null for any other. */
export function silentTrouble(
  { session_id, name, last_heartbeat }: Session,
  { reach, unread }: { reach: Reach; unread: number },
  now: number,
): TroubleRow | null {
  if (reach !== "next_tool" || unread === 0 || now - Date.parse(last_heartbeat) < SLOW_MS) return null;
  return {
    kind: "session",
    session_id,
    name,
    since: last_heartbeat,
    why: `busy and silent, ${unread} unread`,
  };
}

/** Null for a webhook that works, and for one that the user paused. `nextAt`: when it is tried again (ms). */
export function webhookTrouble(
  webhook: Webhook,
  { pending, dead }: WebhookCounts,
  nextAt: number | undefined,
): TroubleRow | null {
  const { webhook_id, url, active, paused_reason, failing_since, last_failure, last_error } = webhook;
  const paused = !active && paused_reason !== null;
  const fails = active && (failing_since !== null || dead > 0);
  if (!paused && !fails) return null;
  const status = /^HTTP (\d{3})\b/.exec(last_error ?? "")?.[1];
  return {
    kind: "webhook",
    webhook_id,
    host: URL.canParse(url) ? new URL(url).host : "",
    status: status === undefined ? null : Number(status),
    since: failing_since === null ? last_failure : new Date(failing_since).toISOString(),
    why: (paused ? paused_reason : last_error) ?? "",
    next_at: paused || nextAt === undefined ? null : new Date(nextAt).toISOString(),
    ...{ pending, dead, paused },
  };
}

/** A source whose latest arrival was refused, within a day. Null for any other. */
export function sourceTrouble(
  { name, last_arrival }: Source,
  refusals: Refusals | undefined,
  now: number,
): TroubleRow | null {
  if (refusals === undefined || refusals.last_at <= (last_arrival ?? "")) return null;
  const { last_at: since, why, count: refused } = refusals;
  return now - Date.parse(since) > DAY_MS ? null : { kind: "source", name, since, why, refused };
}

export function tokenTrouble({ name, expires_at }: EndingToken, now: number): TroubleRow | null {
  const left = Date.parse(expires_at) - now;
  return left > 0 && left <= ENDS_SOON_MS ? { kind: "token", name, expires_at } : null;
}

export function storageTrouble({ problem, since, detail: why }: Trouble): TroubleRow {
  return { kind: "storage", problem, since: new Date(since).toISOString(), why };
}
