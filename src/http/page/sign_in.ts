import type { Caller } from "../../domain/caller.ts";
import type { Grant, PageCodes } from "../../domain/page_codes.ts";
import { peerOf } from "../../runtime/runtime.ts";
import { type PageLogins, setCookie } from "../access/page_login.ts";
import { processOf } from "../access/peer_process.ts";
import type { Report } from "../access/refusal.ts";
import { type Intake, takeJson } from "../json_call.ts";

export interface SignInOptions extends Intake {
  codes: PageCodes;
  logins: PageLogins;
  /** False once the caller's token is revoked or expired. */
  holds(caller: Caller): boolean;
  /** Wall clock (ms). */
  now(): number;
  /** Told of each code that is turned away. */
  refused: Report;
}

const UNAUTHORIZED = 401;
const FORBIDDEN = 403;
const USED = "This link was used already, or its minute is over. Make another with: agent-event-bus open";
const OTHERS = "This link works in a browser of the user who made it.";

/** Exchanges a code for a login: the cookie, and the key that the page keeps. */
export function signIn(options: SignInOptions) {
  const { codes, logins, holds, now, refused } = options;
  return async (request: Request, caller: Caller): Promise<Response> => {
    const taken = await takeJson(request, caller, options);
    if ("answer" in taken) return taken.answer;
    const { code } = (taken.json ?? {}) as { code?: unknown };
    const grant = typeof code === "string" ? await codes.take(code, now()) : undefined;
    const refusal = await refusalOf(request, grant, (token) => holds({ ...caller, token }));
    if (refusal !== null || grant === undefined) {
      const { status, reason } = refusal ?? { status: UNAUTHORIZED, reason: USED };
      refused(peerOf(request)?.address ?? "an unknown peer", { status, reason });
      return Response.json({ error: reason }, { status });
    }
    const { cookie, half } = await logins.make(grant);
    const headers = { "set-cookie": setCookie(request.headers, cookie), "cache-control": "no-store" };
    return Response.json({ key: half }, { headers });
  };
}

async function refusalOf(request: Request, grant: Grant | undefined, holds: (token: string) => boolean) {
  if (grant === undefined || (grant.token !== undefined && !holds(grant.token)))
    return { status: UNAUTHORIZED, reason: USED };
  // Looked at only for a code that is right, so that strangers cannot cause the search.
  return grant.user === undefined || (await isOf(grant.user, request))
    ? null
    : { status: FORBIDDEN, reason: OTHERS };
}

const ROOT = 0;

/** True for a process of the user. Proxies run as root. */
async function isOf(user: number, request: Request): Promise<boolean> {
  const { user: found } = await processOf(peerOf(request));
  return found === user || found === ROOT;
}

/** Ends the login of the browser that asks. */
export function signOut(request: Request): Response {
  return Response.json({ signed_out: true }, { headers: { "set-cookie": setCookie(request.headers) } });
}
