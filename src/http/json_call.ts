import type { Caller } from "../domain/caller.ts";
import type { Limits } from "../domain/limits.ts";
import type { Json } from "../lib/json.ts";
import { isDenial, type Outcome } from "../operations/outcome.ts";
import { httpDenial, type Refusal, type Report } from "./access/refusal.ts";
import type { Shares } from "./access/shares.ts";
import { BodyError, readJson, sizeOf } from "./body.ts";
import { PIECE_BYTES, StreamedBody } from "./sse.ts";

/** The bounds on the requests of a caller. */
export interface Intake {
  limits: Limits;
  shares: Shares;
  /** Told of each request that is turned away. */
  refused: Report;
}

/** Takes in the JSON of a request, or answers why not. */
export async function takeJson(
  request: Request,
  caller: Caller,
  intake: Intake,
): Promise<{ json: unknown } | { answer: Response }> {
  const hasNone = request.method === "GET";
  const size = hasNone ? 0 : sizeOf(request, intake.limits.body_bytes);
  const read = async () => (hasNone ? undefined : readJson(request, intake.limits));
  const taken = await take(caller, intake, size, read);
  return "read" in taken ? { json: taken.read } : taken;
}

/** Takes in a body of at most `size` bytes within the caller's share, or answers why not. */
export async function take<T>(
  caller: Caller,
  intake: Intake,
  size: number,
  read: () => Promise<T>,
): Promise<{ read: T } | { answer: Response }> {
  const { shares } = intake;
  const busy = shares.readBody(caller, size);
  if (busy !== null) return turnedAway(caller, busy, intake);
  try {
    const body = await read();
    const late = caller.local ? null : await shares.turn(caller, size);
    return late === null ? { read: body } : turnedAway(caller, late, intake);
  } catch (error) {
    if (!(error instanceof BodyError)) throw error;
    return { answer: Response.json({ error: error.message }, { status: error.status }) };
  } finally {
    shares.bodyRead(caller, size);
  }
}

/** Answers a request that is not carried out, and reports it. */
export function turnedAway({ origin }: Caller, refusal: Refusal, { refused }: Intake): { answer: Response } {
  refused(origin, refusal);
  const { status, reason, headers = {} } = refusal;
  return { answer: Response.json({ error: reason }, { status, headers }) };
}

const CONFLICT = 409;
const STATUS = { unknown: 404, arguments: 400, token_ended: 401, failed: 500 } as const;

/** Answers with what came of a call: its value, or `error`. */
export function answerWith(outcome: Outcome, { signal }: Request, caller: Caller, shares: Shares): Response {
  if ("value" in outcome) {
    const { value } = outcome;
    const isRefused = !Array.isArray(value) && value.error !== undefined;
    return inShares(JSON.stringify(value), isRefused ? CONFLICT : 200, signal, caller, shares);
  }
  const { refusal } = outcome;
  if (!isDenial(refusal))
    return Response.json({ error: refusal.reason } satisfies Json, { status: STATUS[refusal.kind] });
  const { status, reason, headers = {} } = httpDenial(refusal);
  return Response.json({ error: reason } satisfies Json, { status, headers });
}

const HEADERS = {
  "content-type": "application/json;charset=utf-8",
  "cache-control": "no-store",
  "x-content-type-options": "nosniff",
};

/** A long text for another machine is handed over as it is read. Until then it counts against the limit. */
function inShares(
  json: string,
  status: number,
  signal: AbortSignal,
  caller: Caller,
  shares: Shares,
): Response {
  // A character has three bytes at most.
  if (caller.local || json.length * 3 <= PIECE_BYTES) return new Response(json, { status, headers: HEADERS });
  const bytes = new TextEncoder().encode(json);
  const problem = shares.answer(caller, bytes.byteLength);
  if (problem !== null)
    return Response.json({ error: `${problem}. Read those answers first.` }, { status: 503 });
  const { promise, resolve: taken } = Promise.withResolvers<void>();
  promise.then(() => shares.taken(caller, bytes.byteLength));
  signal.addEventListener("abort", () => taken());
  if (signal.aborted) taken();
  const body = new StreamedBody(taken);
  body.endInPieces(bytes, taken);
  return new Response(body.readable, { status, headers: HEADERS });
}
