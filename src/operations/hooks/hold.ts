import type { Call } from "../../domain/call.ts";
import type { Bus } from "../../domain/context.ts";
import { pushTo } from "../../domain/inbox.ts";
import type { Session } from "../../domain/session.ts";
import type { Json } from "../../lib/json.ts";
import { nothingFor, offer } from "./offer.ts";

interface Wait {
  call: Call;
  seconds: number;
}

/** Tells a waiter that waiting is pointless: its session is at work, or a mod carries it. `unheld`: that mod may be gone. */
export function leave(session: Session, unheld = false): Json {
  return { ...nothingFor(session), left: true, ...(unheld && { unheld }) };
}

/** Waits for something that wakes the session. `left` in the answer: waiting again is pointless. `stops`: the bus stops. */
export async function hold(bus: Bus, session: Session, wait: Wait, limit: number): Promise<Json> {
  const { session_id, muted_until } = session;
  const muted = (muted_until - bus.now()) / 1000;
  // A muted session looks again when the time is over.
  const seconds = muted > 0 ? Math.min(wait.seconds, Math.ceil(muted)) : wait.seconds;
  const news = bus.subscriptions.subscribe((event) => pushTo(bus, session, event) === "wake", undefined, {
    ...wait,
    ...{ seconds, sessionId: session_id, sole: true },
  });
  for await (const _ of news) {
    const found = await offer(bus, session, {
      path: "wake",
      limit,
      digests: true,
      patient: wait.seconds > 0,
      isOver: () => news.dismissed || wait.call.signal.aborted,
    });
    if (found.unknown === true || (found.events as unknown[]).length > 0) return found;
  }
  return { ...nothingFor(session), left: news.dismissed, stops: news.over };
}
