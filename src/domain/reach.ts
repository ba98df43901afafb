/** How soon a session learns of a message (WIRE.md 12), and the words for it. */
const REACH_WORDS = {
  wakes: "wakes within 1 s",
  next_tool: "at its next tool use",
  next_prompt: "at its next prompt",
  waiting_for_person: "waiting for the person",
  muted: "muted",
  over_budget: "over its budget",
  polls_only: "only when it polls",
  not_here: "not here",
} as const;

export type Reach = keyof typeof REACH_WORDS;

/** The words for a reach. An older bus sends words itself. */
export function reachWords(reach: unknown): string {
  return REACH_WORDS[reach as Reach] ?? String(reach);
}
