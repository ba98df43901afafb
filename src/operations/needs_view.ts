import { ORIGINS } from "../domain/caller.ts";
import type { Bus } from "../domain/context.ts";
import { type Need, PLACES, questionsOf, wordsOf } from "../domain/need.ts";
import type { Json } from "../lib/json.ts";

/** The name of the session that asks, as far as the bus knows it. */
export async function nameOf({ store }: Bus, { session_id }: Need): Promise<string> {
  return (await store.sessions.get(session_id))?.name ?? session_id;
}

/** A need as clients see it. `isWhole`: with the whole input of a permission or a question. */
export async function needView(bus: Bus, need: Need, isWhole: boolean): Promise<Json> {
  const session = await bus.store.sessions.get(need.session_id);
  const { secret: _secret, input, answer, ...shown } = need;
  const questions = questionsOf(need);
  return {
    ...shown,
    name: session?.name ?? need.session_id,
    repo: session?.repo ?? null,
    machine: session?.machine ?? null,
    ...(questions.length > 0 && { questions }),
    ...(isWhole && { input: input === null ? null : JSON.parse(input) }),
    ...(need.state !== "open" && { closed: closedWords(need) }),
    age_seconds: Math.max(0, (bus.now() - Date.parse(need.since)) / 1000),
    connected: need.event_id !== null || bus.dialogs.held(need) !== undefined,
    answer,
  };
}

/** How a need was closed. */
export function closedWords({ answer, by, via, reason }: Need): string {
  if (answer === null) return String(reason);
  const who = by === ORIGINS.person ? "the user" : by;
  return `${wordsOf(answer)} (by ${who} ${via === null ? "" : PLACES[via]})`;
}
