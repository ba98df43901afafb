import { ORIGINS } from "./caller.ts";
import type { Bus } from "./context.ts";
import { addressed } from "./delivery_policy.ts";
import { ANSWER, type EventDraft, PERSON, PERSON_CHANNEL } from "./event.ts";
import { type Answer, type Need, type Via, wordsOf } from "./need.ts";
import type { Change } from "./store.ts";

/** Type of the event that records the answer to a dialog. */
export const NEED_ANSWERED = "need_answered";

/** Answers a need, with the event that says so. Returns the need as it is then: another answer may have come first. */
export async function answerNeed(
  { store }: Bus,
  need: Need,
  answer: Answer,
  { by, via }: { by: string; via: Via },
): Promise<{ need: Need; won: boolean }> {
  const change: Change = { kind: "answer", needId: need.need_id, answer, by, via };
  const draft = need.event_id === null ? recordOf(need, answer, by, via) : await replyTo(store, need, answer);
  for (;;) {
    const event = await store.append(addressed(draft, await store.webhooks.active(), change));
    const now = (await store.needs.get(need.need_id)) ?? need;
    if (event !== null || now.state !== "open") return { need: now, won: event !== null };
  }
}

/** The record of an answer is for the person alone. Its session gets the answer by its dialog. */
function recordOf(
  { kind, need_id, text, session_id }: Need,
  answer: Answer,
  by: string,
  via: Via,
): EventDraft {
  return {
    event_type: NEED_ANSWERED,
    title: `Need ${need_id} (${kind})`,
    payload: `${text}\n${wordsOf(answer)}`,
    tags: [`session:${session_id}`, `via:${via}`, `by:${by}`],
    session_id: PERSON,
    channel: PERSON_CHANNEL,
    explicit_level: "lifecycle",
    origin: ORIGINS.person,
  };
}

async function replyTo(store: Bus["store"], need: Need, answer: Answer): Promise<EventDraft> {
  const asked = await store.events.get(need.event_id ?? 0);
  return {
    event_type: ANSWER,
    payload: wordsOf(answer),
    session_id: PERSON,
    channel: `session:${need.session_id}`,
    correlation_id: asked?.correlation_id ?? `event-${need.event_id}`,
    origin: ORIGINS.person,
  };
}
