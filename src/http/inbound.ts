import { type Caller, covers } from "../domain/caller.ts";
import { BusError } from "../domain/context.ts";
import { type Arrival, type Inbound, senderOfSource } from "../domain/source.ts";
import { isCutOff } from "../runtime/runtime.ts";
import { type ApiOptions, callOf } from "./api.ts";
import { CUT_OFF, readText, sizeOf } from "./body.ts";
import { answerWith, take, turnedAway } from "./json_call.ts";
import type { Params } from "./routes.ts";

export interface InboundOptions extends ApiOptions {
  inbound: Inbound;
}

const STATUS = { unproved: 401, unreadable: 400, away: 503 } as const;

/** Handles what a source sends. Its proof makes it the caller, so the door bounds each source by itself. */
export function inboundHandler(options: InboundOptions) {
  const { inbound, door, limits, shares } = options;
  return async (request: Request, caller: Caller, { source = "" }: Params): Promise<Response> => {
    const size = sizeOf(request, limits.arrival_bytes);
    const taken = await take(caller, options, size, () => readText(request, limits, "arrival_bytes"));
    if ("answer" in taken) return taken.answer;
    if (await isCutOff(request)) return Response.json({ error: CUT_OFF }, { status: 400 });
    const arrival = arrivalOf(request.headers, taken.read);
    const opened = await inbound.open(source, arrival, covers(caller.scope, "publish")).catch(unreadable);
    if ("problem" in opened) {
      const refusal = { status: STATUS[opened.why], reason: opened.problem };
      return turnedAway(caller, refusal, options).answer;
    }
    if ("ignored" in opened) return Response.json({ ignored: opened.ignored });
    const sender: Caller = { ...caller, origin: senderOfSource(source), scope: "publish" };
    const { event, keys } = opened;
    const call = callOf(request, sender);
    return answerWith(
      await door.invoke("store_arrival", { source, ...event, keys }, call),
      request,
      sender,
      shares,
    );
  };
}

/** The sources cannot be read while the database is away. @throws any other error. */
function unreadable(error: unknown): { problem: string; why: "away" } {
  if (error instanceof BusError) return { problem: error.message, why: "away" };
  throw error;
}

/** The parts of a request by which GitHub, GitLab, Standard Webhooks and others tell the same. */
function arrivalOf(headers: Headers, body: string): Arrival {
  const first = (...names: string[]) => names.map((name) => headers.get(name)).find((text) => text !== null);
  return {
    body,
    event: first("x-github-event", "x-gitlab-event") ?? undefined,
    id: first("webhook-id", "x-github-delivery", "x-gitlab-event-uuid", "idempotency-key") ?? undefined,
    timestamp: headers.get("webhook-timestamp") ?? undefined,
    signature: first("x-hub-signature-256", "webhook-signature") ?? undefined,
    token: headers.get("x-gitlab-token") ?? undefined,
  };
}
