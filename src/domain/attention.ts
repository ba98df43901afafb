import { composed } from "../lib/unicode_form.ts";
import { ORIGINS } from "./caller.ts";
import { recipientOf } from "./direct_message.ts";
import type { Event } from "./event.ts";

/**
 * How an event reaches a session without being asked for. `wake` starts a turn, `hand_over` comes with the next tool use or
 * prompt, `digest` is counted at a prompt, `silent` waits to be read.
 */
export type Push = "wake" | "hand_over" | "digest" | "silent";

/** Settings of a session: direct messages wake it, also its repository and machine, everything actionable, or nothing. */
export const WAKE_SETTINGS = ["direct", "repo", "all", "off"] as const;
export type WakeSetting = (typeof WAKE_SETTINGS)[number];

export interface Attention {
  wake: WakeSetting;
  /** Nothing is pushed before (ms since 1970). 0 if the session is not muted. */
  mutedUntil: number;
}

/** The facts about a session that decide what concerns it. */
export interface Audience {
  session_id: string;
  repo: string;
  machine: string;
  branch: string | null;
}

/** How an event reaches a session, before budgets. A muted session's direct messages wait, the rest is counted. */
export function pushOf(event: Event, session: Audience, { wake, mutedUntil }: Attention, now: number): Push {
  const push = unmuted(event, session, wake);
  if (now >= mutedUntil || push === "silent") return push;
  return recipientOf(event.channel) === null ? "digest" : "silent";
}

function unmuted(event: Event, session: Audience, setting: WakeSetting): Push {
  if (event.session_id === session.session_id) return "silent";
  const wake = setting === "off" ? "hand_over" : "wake";
  const reach = reachOf(event.channel, session);
  if (reach === null) return "silent";
  if (reach === "direct") return event.signal_level === "actionable" ? wake : "hand_over";
  if (event.signal_level === "lifecycle") return "silent";
  if (isFromPerson(event)) return wake;
  if (event.signal_level === "info") return "digest";
  if (setting === "all") return "wake";
  if (reach === "all") return "digest";
  return setting === "repo" || isOwnFailure(event, session) ? wake : "hand_over";
}

function reachOf(channel: string, session: Audience): "direct" | "repo" | "machine" | "all" | null {
  switch (channel) {
    case `session:${session.session_id}`:
      return "direct";
    case `repo:${session.repo}`:
      return "repo";
    case composed(`machine:${session.machine}`):
      return "machine";
    default:
      return channel === "all" ? "all" : null;
  }
}

/** True for what the user wrote, as the bus proved. */
export function isFromPerson({ origin }: Event): boolean {
  return origin === ORIGINS.person;
}

/** Begins a tag that names the branch of an event. With one, no other text counts. */
export const BRANCH_TAG = "branch:";

/** True if CI failed on the session's repository, and the event names its branch in its title, text or tags. */
function isOwnFailure(
  { event_type, channel, title = "", payload, tags = [] }: Event,
  { repo, branch }: Audience,
) {
  if (event_type !== "ci_failed" || !branch || channel !== `repo:${repo}`) return false;
  const tagged = tags.filter((tag) => tag.startsWith(BRANCH_TAG));
  if (tagged.length > 0) return tagged.includes(`${BRANCH_TAG}${branch}`);
  return [title, payload, ...tags].some((text) => names(text, branch));
}

/** Bounds the search, which runs for every session that waits (characters). */
const MOST_SEARCHED = 16_384;

/** True if a word of the text is the branch. A word goes on at letters, digits and `._/-`. */
function names(whole: string, branch: string): boolean {
  const text = whole.slice(0, MOST_SEARCHED);
  const isPartOfName = (character = " ") => /[\p{L}\p{N}._/-]/u.test(character);
  for (let at = text.indexOf(branch); at >= 0; at = text.indexOf(branch, at + 1)) {
    const after = text.slice(at + branch.length, at + branch.length + 2).replace(/^[.](?=\s|$)/, "");
    if (!isPartOfName(text[at - 1]) && !isPartOfName(after[0])) return true;
  }
  return false;
}

const WAKES_PER_HOUR = 60;
const WAKES_OF_ONE_SENDER = 10;
const EXCHANGES = 6;

/** The wakes of a session that count against the next one. */
export interface Spent {
  /** Within the last hour. */
  wakes: number;
  /** Within the last five minutes, by the event's sender. */
  bySender: number;
  /** Wakes between the two, counted in pairs there and back, since one of them had a prompt or used another tool than the bus's. */
  exchanges: number;
}

/** Why an event that would wake a session is handed over instead. */
export type Restraint = "over_budget" | "ping_pong";

/** Null if a further wake is within the budget. */
export function restraintOf(spent: Spent): Restraint | null {
  if (spent.exchanges >= EXCHANGES) return "ping_pong";
  return spent.wakes >= WAKES_PER_HOUR || spent.bySender >= WAKES_OF_ONE_SENDER ? "over_budget" : null;
}
