import { type Peer, peerOf } from "../../runtime/runtime.ts";
import type { BodyKind } from "../body.ts";
import {
  createIdentify,
  type IdentifyOptions,
  LOGIN_RULES,
  SENDER_RULES,
  type Verdict,
} from "./authenticate.ts";
import { createHeadCheck, HEAD_RULES, type HeadOptions } from "./origin.ts";
import type { Report } from "./refusal_log.ts";

export interface GuardOptions extends HeadOptions, IdentifyOptions {
  /** Called for each refused request. */
  refused: Report;
}

export interface Guard {
  /** Finds the sender of a request, or refuses it. Reads nothing but its head; `body` is what its route takes. */
  check(request: Request, body?: BodyKind): Verdict | Promise<Verdict>;
}

/** Every rule that a request has to pass, in order. */
export const RULES = { head: HEAD_RULES, sender: SENDER_RULES, login: LOGIN_RULES };

/** Stands before every route. */
export function createGuard(options: GuardOptions, rules = RULES): Guard {
  const headCheck = createHeadCheck(options, rules.head);
  const identify = createIdentify(options, rules);
  const told = (verdict: Verdict, peer: Peer | undefined) => {
    if ("status" in verdict) options.refused(peer?.address ?? "an unknown peer", verdict);
    return verdict;
  };
  return {
    check(request, body) {
      const peer = peerOf(request);
      const verdict = headCheck(request, body) ?? identify(request, peer);
      return verdict instanceof Promise ? verdict.then((late) => told(late, peer)) : told(verdict, peer);
    },
  };
}
