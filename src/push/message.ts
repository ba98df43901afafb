import type { Topic } from "../config/push.ts";
import { visible, visibleLine } from "../lib/escape.ts";
import { beginningBytes } from "../lib/graphemes.ts";

/** A button, which answers the bus by POST. */
export interface Action {
  label: string;
  url: string;
}

/** A notification on the phone, not yet escaped. */
export interface Push {
  /** Notifications of one name replace each other on the phone, with ntfy 2.16 or newer. Letters, digits, - and _. */
  name: string;
  title: string;
  message: string;
  priority: 1 | 2 | 3 | 4 | 5;
  /** Short codes of emojis. */
  tags: readonly string[];
  actions?: readonly Action[];
}

/** The longest title and label (characters), and the longest message (bytes). The whole must fit into 8 KiB of JSON. */
const MOST = { title: 100, label: 30, message: 2_000 };
const MOST_ACTIONS = 3;

/** The JSON that publishes a push on a topic. An older ntfy server ignores `sequence_id`. */
export function jsonOf(push: Push, { name: topic }: Topic): string {
  const actions = (push.actions ?? []).slice(0, MOST_ACTIONS).map(({ label, url }) => ({
    ...{ action: "http", label: visibleLine(label, MOST.label), url },
    ...{ method: "POST", clear: true },
  }));
  return JSON.stringify({
    topic,
    title: visibleLine(push.title, MOST.title),
    // An empty message would read "triggered".
    message: cut(visible(push.message).trim(), MOST.message) || "…",
    priority: push.priority,
    tags: push.tags,
    sequence_id: push.name,
    ...(actions.length > 0 && { actions }),
  });
}

/** The beginning of a text, in whole graphemes. */
function cut(text: string, bytes: number): string {
  const most = bytes - Buffer.byteLength("…");
  return Buffer.byteLength(text) <= bytes ? text : `${beginningBytes(text, most)}…`;
}
