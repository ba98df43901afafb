import { choicesOf, isButtonOf, readButton } from "../domain/button.ts";
import type { Caller } from "../domain/caller.ts";
import { type Need, wordsOf } from "../domain/need.ts";
import type { NeedStore } from "../domain/store.ts";
import type { Door } from "../operations/invoke.ts";
import { isDenial, type Outcome } from "../operations/outcome.ts";
import { httpDenial, type Refusal, type Report } from "./access/refusal.ts";
import { said } from "./button_page.ts";
import type { Params } from "./routes.ts";

export interface ButtonOptions {
  needs: Pick<NeedStore, "get">;
  door: Door;
  /** Wall clock (ms). */
  now(): number;
  /** Told of each secret that is turned away. */
  refused: Report;
}

const OK = 200;
const FORBIDDEN = 403;
const UNKNOWN = 404;
const GONE = 410;
const CONFLICT = 409;

/** Handles the tap of a notification's button, which answers a need for the user. The guard has let its caller in before. */
export function buttonHandler({ needs, door, now, refused }: ButtonOptions) {
  async function answer(secret: string, caller: Caller, signal: AbortSignal): Promise<Refusal> {
    const button = readButton(secret);
    const need = button === null ? undefined : await needs.get(button.needId);
    if (button === null || need === undefined || !(await isButtonOf(need, secret)))
      return { status: UNKNOWN, reason: "This button is not one of this bus." };
    if (now() >= button.expires * 1000)
      return { status: GONE, reason: "This button has expired. Nothing was answered." };
    if (need.state !== "open") return closed(need);
    const choice = choicesOf(need).find(({ what }) => what === button.what);
    if (choice === undefined)
      return { status: GONE, reason: "This need has no such answer. Nothing was answered." };
    const call = { caller, via: "phone", signal, progress() {} } as const;
    const outcome = await door.invoke("answer", { need_id: need.need_id, words: choice.words }, call);
    const refusal = refusalIn(outcome);
    const after = await needs.get(need.need_id);
    if (refusal === null) return { status: OK, reason: `Answered: ${choice.label}` };
    return after === undefined || after.state === "open" ? refusal : closed(after);
  }

  return async (request: Request, caller: Caller, { secret = "" }: Params): Promise<Response> => {
    const { status, reason } = await answer(secret, caller, request.signal);
    if (status === UNKNOWN || status === FORBIDDEN) refused(caller.origin, { status, reason });
    return said(status, reason);
  };
}

function closed({ answer, reason }: Need): Refusal {
  const how = answer === null ? reason : `answered with ${wordsOf(answer)}`;
  return { status: GONE, reason: `This is closed already: ${how}.` };
}

function refusalIn(outcome: Outcome): Refusal | null {
  if ("value" in outcome) {
    const { value } = outcome;
    const error = Array.isArray(value) ? undefined : value.error;
    return error === undefined ? null : { status: CONFLICT, reason: String(error) };
  }
  const { refusal } = outcome;
  return isDenial(refusal) ? httpDenial(refusal) : { status: CONFLICT, reason: refusal.reason };
}
