import { type Bus, here } from "./context.ts";
import { recipientOf } from "./direct_message.ts";
import type { Event } from "./event.ts";
import { failedRepoOf, type Recipients } from "./notification.ts";
import { isAlive, LEASE_MS, type Session } from "./session.ts";

/** The facts that decide whether the user is shown an event, and the session that gets it as a direct message. */
export async function recipientsOf(
  bus: Bus,
  event: Event,
  recipientId: string | null = recipientOf(event.channel),
): Promise<{ to: Recipients; recipient: Session | undefined }> {
  const found = recipientId === null ? undefined : await bus.store.sessions.get(recipientId);
  const recipient = found?.deleted_at === null ? found : undefined;
  const hooks = recipient?.state === null ? "no_hooks" : "hooks";
  const session = recipient === undefined ? "nobody" : hooks;
  return { to: { session, isRepoLive: await isLive(bus, failedRepoOf(event)) }, recipient };
}

async function isLive(bus: Bus, repo: string | null): Promise<boolean> {
  if (repo === null) return false;
  const since = new Date(bus.now() - LEASE_MS).toISOString();
  const present = await bus.store.sessions.present(since);
  const at = here(bus);
  return present.some((session) => session.repo === repo && isAlive(session, at));
}
