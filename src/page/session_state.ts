import { now } from "./state.ts";
import type { Session } from "./types.ts";

interface State {
  dot: "dot_busy" | "dot_idle" | "dot_wait" | "dot_fail";
  sign: "busy" | "idle" | "wait" | "fail";
  words: string;
  /** RFC 3339. Undefined if it is not known since when. */
  since?: string | undefined;
}

/** A session without hooks that was heard of within this time polls (ms). */
const POLLS_MS = 600_000;

/** State of a session as a sign and words. */
export function stateOf(session: Session): State {
  const { state, reach, waiting_since, last_heartbeat, unread } = session;
  if (state === "waiting") return { dot: "dot_wait", sign: "wait", words: "needs you", since: waiting_since };
  if (state === "waiting_or_running")
    return { dot: "dot_wait", sign: "wait", words: "needs you or runs", since: waiting_since };
  const isSilent = unread > 0 || now.value - Date.parse(last_heartbeat) > POLLS_MS;
  if (reach === "not_here" || (reach === "polls_only" && isSilent))
    return { dot: "dot_fail", sign: "fail", words: "unreachable", since: last_heartbeat };
  if (reach === "polls_only")
    return { dot: "dot_idle", sign: "idle", words: "polled", since: last_heartbeat };
  const since = session.state_since ?? undefined;
  if (state === "busy") return { dot: "dot_busy", sign: "busy", words: "busy", since };
  return { dot: "dot_idle", sign: "idle", words: "idle", since: since ?? last_heartbeat };
}

interface Group {
  repo: string;
  sessions: Session[];
}

const order = new Map<string, number>();

/** Sessions by repository. Both keep their places while the page is open. `text` narrows if it matches some. */
export function groupsOf(sessions: readonly Session[], text: string): Group[] {
  for (const { session_id } of sessions) if (!order.has(session_id)) order.set(session_id, order.size);
  const wanted = text.toLowerCase();
  const matching = sessions.filter(({ name, repo, branch, machine }) =>
    [name, repo, branch ?? "", machine].some((part) => part.toLowerCase().includes(wanted)),
  );
  const shown = matching.length > 0 ? matching : sessions;
  const groups = new Map<string, Session[]>();
  for (const session of [...shown].sort((a, b) => placeOf(a) - placeOf(b)))
    groups.set(session.repo, [...(groups.get(session.repo) ?? []), session]);
  return [...groups].map(([repo, sessions]) => ({ repo, sessions }));
}

const placeOf = ({ session_id }: Session) => order.get(session_id) ?? 0;
