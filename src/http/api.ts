import type { Call } from "../domain/call.ts";
import type { Caller } from "../domain/caller.ts";
import type { Door } from "../operations/invoke.ts";
import { isCutOff, watchClient } from "../runtime/runtime.ts";
import { CUT_OFF } from "./body.ts";
import { answerWith, type Intake, takeJson } from "./json_call.ts";
import type { Params } from "./routes.ts";

export interface ApiOptions extends Intake {
  door: Door;
}

/** Handles the call of an operation: a JSON object with its arguments in, its result or `error` out. */
export function callHandler(options: ApiOptions) {
  const { door, shares } = options;
  return async (request: Request, caller: Caller, { operation }: Params): Promise<Response> => {
    const taken = await takeJson(request, caller, options);
    if ("answer" in taken) return taken.answer;
    if (door.appends(operation) && (await isCutOff(request)))
      return Response.json({ error: CUT_OFF }, { status: 400 });
    const outcome = await door.invoke(operation, taken.json, callOf(request, caller));
    return answerWith(outcome, request, caller, shares);
  };
}

/** The call of an HTTP request that reports no progress. */
export function callOf(request: Request, caller: Caller): Call {
  watchClient(request);
  return { caller, ...(caller.page && { via: "page" }), signal: request.signal, progress() {} };
}
