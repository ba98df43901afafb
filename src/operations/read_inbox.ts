import type { Bus } from "../domain/context.ts";
import { PERSON } from "../domain/event.ts";
import { isPerson } from "../domain/publish.ts";
import { deletedRefusal, notFound } from "../domain/session.ts";
import type { Json } from "../lib/json.ts";
import { operation } from "./operation.ts";
import { SESSION_ID } from "./params.ts";

const MOST_SHOWN = 50;

export const readInbox = operation({
  name: "read_inbox",
  about: "Show your unread messages (to @human).",
  effect: "writes",
  listed: false,
  params: {
    session_id: { ...SESSION_ID, flag: false, about: "Look at a session's inbox instead. Nothing gets seen" },
    seen: {
      type: "list",
      optional: true,
      flag: false,
      max: 100,
      each: 20,
      about: "Ids that the user has seen",
    },
  },
  command: {
    name: "inbox",
    examples: [["inbox", "read your new messages"]],
    async shown(_args, { messages, yours }, call) {
      const seen = (messages as Json[]).map(({ id }) => String(id));
      if (yours === true && seen.length > 0) await call("read_inbox", { seen });
    },
  },
  async run(bus, { seen = [], session_id }, { caller }) {
    if (session_id) return inboxOf(bus, session_id);
    const { mail } = bus.store;
    const yours = await isPerson(bus, caller);
    // An agent may look, but only the person has seen it.
    if (yours) await mail.see(PERSON, seen.map(Number).filter(Number.isSafeInteger), []);
    return { ...(await unseenBy(bus, PERSON)), yours };
  },
  print({ messages, unread }, to) {
    const shown = messages as Json[];
    if (shown.length === 0) return to.line("No unread messages.");
    for (const { id, event_type, payload, from, repo, timestamp } of shown) {
      const where = repo === undefined ? "" : ` (${to.text(repo)})`;
      to.line(
        `${to.bold(`#${to.text(id)}`)}  ${to.bold(to.text(from))}${where}  ${to.text(event_type)}  ${to.dim(to.ago(timestamp))}`,
      );
      to.block(String(payload), "    ");
    }
    const left = Number(unread) - shown.length;
    if (left > 0) to.note(`${left} more. Run inbox again to see them.`);
    to.note(`Answer: agent-event-bus reply ${to.text(shown.at(-1)?.id)} "…"`);
  },
});

async function inboxOf(bus: Bus, sessionId: string): Promise<Json> {
  const session = await bus.store.sessions.get(sessionId);
  if (session === undefined) return notFound(sessionId);
  if (session.deleted_at !== null) return deletedRefusal(session);
  return { ...(await unseenBy(bus, session.session_id)), yours: false };
}

async function unseenBy({ store: { mail, sessions } }: Bus, recipient: string): Promise<Json> {
  const unread = await mail.unseen(recipient, MOST_SHOWN);
  const messages = unread.map(async ({ event }) => {
    const sender = await sessions.get(event.session_id);
    return { ...event, from: sender?.name ?? event.session_id, repo: sender?.repo };
  });
  return { messages: await Promise.all(messages), unread: await mail.count(recipient) };
}
