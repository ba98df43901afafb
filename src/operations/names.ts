import type { Bus } from "../domain/context.ts";
import type { Unread } from "../domain/direct_message.ts";
import * as registration from "../domain/registration.ts";
import type { Session } from "../domain/session.ts";
import { excerpt } from "../lib/graphemes.ts";
import type { Json } from "../lib/json.ts";
import { composed } from "../lib/unicode_form.ts";

/** Warns a session that its name was taken. */
export function renamed(wanted: string, name: string): Json {
  return composed(wanted) === name
    ? {}
    : { warning: `Another live session in this repository is called ${wanted}, so your name is ${name}.` };
}

/** Gives a name and the mail that waits for it to a session, unless a living session holds the name. */
export async function claimName(bus: Bus, wanted: string, session: Session): Promise<Json> {
  const name = composed(wanted.replace(/^@+/, ""));
  if (name === "") return { warning: `"${wanted}" is not a name that can be claimed.` };
  const holder = await registration.claimName(bus, name, session.session_id);
  if (holder !== undefined)
    return {
      warning: `@${name} is already held by ${holder.display_id} (${holder.name}, ${holder.repo} on ${holder.machine}), so you did not get it.`,
    };
  const mail = await bus.store.mail.unseen(session.session_id, MOST_ANNOUNCED);
  return { claimed: `@${name}`, ...(mail.length > 0 && { waiting_mail: mail.map(announced) }) };
}

const MOST_ANNOUNCED = 20;
const PREVIEW = 300;

function announced({ event }: Unread): Json {
  const { id: event_id, event_type, session_id, channel, timestamp, payload } = event;
  return { event_id, event_type, session_id, channel, timestamp, payload: excerpt(payload, PREVIEW) };
}
