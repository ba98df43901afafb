import { answerNeed } from "../domain/answer_need.ts";
import { mayAnswer, tellAttempt } from "../domain/answering.ts";
import type { Call } from "../domain/call.ts";
import { type Caller, ORIGINS } from "../domain/caller.ts";
import type { Bus } from "../domain/context.ts";
import { PERSON } from "../domain/event.ts";
import { answerOf, type Need, WITHDRAWN, wordsOf } from "../domain/need.ts";
import type { Json } from "../lib/json.ts";
import { closedWords, nameOf } from "./needs_view.ts";

/** How long an answer waits for its client to take it (ms). */
const TAKE_MS = 2_000;
const LOOK_MS = 50;

interface Answer {
  need_id: number;
  words?: readonly string[] | undefined;
  dismiss: boolean;
}

/** Answers a need, or says why it cannot be answered. */
export async function runAnswer(
  bus: Bus,
  { need_id, words = [], dismiss }: Answer,
  { caller, via = "shell" }: Call,
): Promise<Json> {
  const refused = await mayAnswer(bus, caller, via === "phone");
  if (refused !== null) {
    await tellAttempt(bus, refused, ["answer", need_id, ...words].join(" "));
    return { error: refused.reason, need_id };
  }
  const need = await bus.store.needs.get(need_id);
  if (need === undefined)
    return {
      error: `There is no need ${need_id}. List them with: agent-event-bus needs`,
      need_id,
    };
  if (need.state !== "open") return await closed(bus, need);
  if (dismiss) return await dismissed(bus, need);
  if (words.length === 0)
    return {
      error: `The answer is missing. To see the choices: agent-event-bus needs ${need_id}`,
      need_id,
    };
  if (!need.answerable) return { error: unanswerable(need), need_id };
  const given = answerOf(need, words);
  if ("problem" in given) return { error: given.problem, need_id };
  const answered = await answerNeed(bus, need, given, { by: byOf(caller), via });
  if (!answered.won) return await closed(bus, answered.need);
  if (need.event_id !== null) await bus.store.mail.acknowledge(PERSON, need.event_id);
  const taken = need.event_id !== null || (await isTaken(bus, need));
  return { need_id, kind: need.kind, session: await nameOf(bus, need), answer: wordsOf(given), taken };
}

/** The person in a terminal, or the credential that may answer for the person. */
function byOf({ origin, terminal }: Caller): string {
  return terminal === undefined ? origin : ORIGINS.person;
}

async function dismissed({ store }: Bus, { need_id, event_id }: Need): Promise<Json> {
  if (event_id === null)
    return { error: "A dialog stays until it is answered. Answer it, or close it in its terminal.", need_id };
  await store.needs.withdraw(need_id, WITHDRAWN.dismissed);
  return { need_id, dismissed: true };
}

function unanswerable({ kind }: Need): string {
  return kind === "elicitation"
    ? "This dialog can be answered in its terminal only."
    : "No hook of that session takes answers, so answer it in its terminal.";
}

async function closed(bus: Bus, need: Need): Promise<Json> {
  const { need_id } = need;
  return { error: `Need ${need_id} of ${await nameOf(bus, need)} is closed: ${closedWords(need)}.`, need_id };
}

async function isTaken({ store }: Bus, { need_id }: Need): Promise<boolean> {
  for (let ms = 0; ms < TAKE_MS; ms += LOOK_MS) {
    if ((await store.needs.get(need_id))?.taken_at !== null) return true;
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
  return false;
}
