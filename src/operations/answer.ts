import { lazily } from "../lib/lazily.ts";
import { operation } from "./operation.ts";
import { NEED_ID } from "./params.ts";

/** Loaded at the first call, so that commands do without it. */
const run = lazily(async () => (await import("./run_answer.ts")).runAnswer);

export const answer = operation({
  name: "answer",
  about: "Answer what waits for you.",
  effect: "writes",
  scope: "any",
  tool: false,
  params: {
    need_id: NEED_ID,
    words: {
      type: "list",
      optional: true,
      flag: false,
      max: 20,
      each: "payload_bytes",
      about: "allow, deny [why], the option of a question, or your own words",
    },
    dismiss: { type: "boolean", default: false, about: "Close it without an answer" },
  },
  command: {
    name: "answer",
    words: [
      { param: "need_id", placeholder: "ID" },
      { param: "words", placeholder: "ANSWER", rest: true },
    ],
    examples: [
      ["answer 3 Blue", "choose an option of a question, or write your own words"],
      ["answer 4 allow", "allow what a session asks for, this once"],
      ['answer 4 deny "not on main"', "deny it, and say why"],
    ],
  },
  run,
  print(result, to) {
    const { need_id, session, answer, taken, dismissed } = result;
    const id = to.bold(`#${to.text(need_id)}`);
    if (dismissed === true) return to.prose(`Dismissed ${id}.`);
    to.prose(`Answered ${id} of ${to.text(session)}: ${to.text(answer)}`);
    if (taken === false)
      to.note("Its session has not taken the answer yet. It does so when its hook reaches the bus again.");
  },
});
