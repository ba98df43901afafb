import { ORIGINS } from "./caller.ts";
import type { Bus } from "./context.ts";
import { BUS_ITSELF, type Event } from "./event.ts";
import { publish } from "./publish.ts";
import type { Session } from "./session.ts";

const AGAIN_MS = 3_600_000;
const MOST_REMEMBERED = 10_000;

/** Tells two sessions and the user, once an hour, that their messages no longer wake each other. */
export async function tellPair(bus: Bus, session: Session, { session_id }: Event): Promise<void> {
  const other = await bus.store.sessions.get(session_id);
  if (other === undefined) return;
  const key = [session.session_id, other.session_id].sort().join("\n");
  if (bus.now() - (bus.toldPairs.get(key) ?? Number.NEGATIVE_INFINITY) < AGAIN_MS) return;
  if (bus.toldPairs.size > MOST_REMEMBERED) bus.toldPairs.clear();
  bus.toldPairs.set(key, bus.now());
  if (!(await bus.store.peers.take(`told ${key}`, AGAIN_MS))) return;
  const names = `${session.name} and ${other.name}`;
  for (const { session_id: id } of [session, other])
    await publish(bus, {
      event_type: "ping_pong",
      payload: `${names} keep answering each other without doing other work. Messages between them no longer wake them and arrive with the next prompt or tool use.`,
      session_id: BUS_ITSELF,
      channel: `session:${id}`,
      explicit_level: "info",
      origin: ORIGINS.bus,
    });
  if (bus.notices === "off") return;
  await bus.notify({
    title: `${session.name} ⇄ ${other.name}`,
    message: "Both keep answering each other without doing other work. Their messages no longer wake them.",
    group: `pair-${key}`,
  });
}
