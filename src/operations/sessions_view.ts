import { type Bus, here } from "../domain/context.ts";
import { formatCursor } from "../domain/cursor.ts";
import type { Dialog } from "../domain/dialogs.ts";
import { reachesOf } from "../domain/reachability.ts";
import { rungOf } from "../domain/rung.ts";
import { type Session, subscribedChannels } from "../domain/session.ts";
import type { Json } from "../lib/json.ts";

/** Sessions as clients see them. */
export async function sessionViews(bus: Bus, sessions: readonly Session[]): Promise<Json[]> {
  const ids = sessions.map(({ session_id }) => session_id);
  const [reaches, unread, claims] = await Promise.all([
    reachesOf(bus, sessions),
    bus.store.mail.counts(ids),
    bus.store.sessions.claimsOfAll(ids),
  ]);
  const place = here(bus);
  return sessions.map((session, i) => ({
    session_id: session.session_id,
    display_id: session.display_id,
    name: session.name,
    machine: session.machine,
    repo: session.repo,
    cwd: session.cwd,
    client_id: session.client_id,
    registered_at: session.registered_at,
    last_heartbeat: session.last_heartbeat,
    cursor: session.cursor === null ? null : formatCursor(session.cursor),
    age_seconds: Math.max(0, (bus.now() - Date.parse(session.registered_at)) / 1000),
    subscribed_channels: subscribedChannels(session),
    ...stateOf(session, bus.dialogs.of(session.session_id)),
    reach: reaches[i],
    rung: rungOf(session, place),
    unread: unread.get(session.session_id) ?? 0,
    claims: claims.get(session.session_id) ?? [],
    ...(session.last_words !== null && { last_words: session.last_words }),
  }));
}

/** The last report of the session's hooks, or the dialog that it stands at. */
function stateOf({ state }: Session, dialog: Dialog | undefined): Json {
  if (dialog === undefined) return { state };
  const { kind, text, since, certain } = dialog;
  return {
    state: certain ? "waiting" : "waiting_or_running",
    waiting_since: new Date(since).toISOString(),
    waiting_for: { kind, text },
  };
}
