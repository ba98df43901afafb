import { PERSON } from "../domain/event.ts";
import { isPerson } from "../domain/publish.ts";
import type { Json } from "../lib/json.ts";
import { operation } from "./operation.ts";

const MOST_SHOWN = 50;

export const readInbox = operation({
  name: "read_inbox",
  about: "Show your unread messages (to @human).",
  effect: "writes",
  listed: false,
  params: {
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
  async run(bus, { seen = [] }, { caller }) {
    const { mail, sessions } = bus.store;
    const yours = await isPerson(bus, caller);
    // An agent may look, but only the person has seen it.
    if (yours) await mail.see(PERSON, seen.map(Number).filter(Number.isSafeInteger), []);
    const unread = await mail.unseen(PERSON, MOST_SHOWN);
    const messages = unread.map(async ({ event }) => {
      const sender = await sessions.get(event.session_id);
      return { ...event, from: sender?.name ?? event.session_id, repo: sender?.repo };
    });
    return { messages: await Promise.all(messages), unread: await mail.count(PERSON), yours };
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
