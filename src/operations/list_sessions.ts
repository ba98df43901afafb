import { formatCursor } from "../domain/cursor.ts";
import { reachOf } from "../domain/reachability.ts";
import { subscribedChannels } from "../domain/session.ts";
import type { Json } from "../lib/json.ts";
import { operation } from "./operation.ts";
import { liveSessions } from "./present.ts";

export const listSessions = operation({
  name: "list_sessions",
  about: "Live sessions, most recently active first.",
  effect: "reads",
  scope: "read",
  params: {},
  command: { name: "sessions", examples: [["sessions", "who is here"]] },
  async run(bus) {
    const views = (await liveSessions(bus)).map(async (session) => ({
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
      state: session.state,
      reach: reachOf(bus, session),
      unread: await bus.store.mail.count(session.session_id),
      claims: await bus.store.sessions.claimsOf(session.session_id),
    }));
    return Promise.all(views);
  },
  print(result, to) {
    const sessions = result.result as Json[];
    if (sessions.length === 0) return to.line("No live sessions.");
    to.table([
      ["SESSION", "NAME", "REPO", "MACHINE", "STATE", "REACHED", "UNREAD", "LAST SEEN", "ID"].map((title) =>
        to.dim(title),
      ),
      ...sessions.map((session) => [
        to.bold(to.text(session.display_id)),
        to.text([session.name, ...(session.claims as string[]).map((name) => `@${name}`)].join(" ")),
        to.text(session.repo),
        to.text(session.machine),
        to.text(session.state),
        to.text(session.reach),
        to.text(session.unread),
        to.ago(session.last_heartbeat),
        to.dim(to.text(session.session_id)),
      ]),
    ]);
  },
});
