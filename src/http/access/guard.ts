import type { Caller } from "../../domain/caller.ts";
import { type Peer, peerOf } from "../../runtime/runtime.ts";
import { createIdentify, type IdentifyOptions } from "./authenticate.ts";
import { createHeadCheck, type HeadOptions, type Refusal } from "./origin.ts";
import type { Report } from "./refusal_log.ts";

export interface GuardOptions extends HeadOptions, IdentifyOptions {
  /** Called for each refused request. */
  refused: Report;
}

export interface Guard {
  /** Who sent a request, or why it is refused. Reads nothing but its head. */
  check(request: Request): Caller | Refusal | Promise<Caller | Refusal>;
}

/** Who may talk to the bus: stands before every route. */
export function createGuard(options: GuardOptions): Guard {
  const headCheck = createHeadCheck(options);
  const identify = createIdentify(options);
  const told = (verdict: Caller | Refusal, peer: Peer | undefined) => {
    if ("status" in verdict) options.refused(peer?.address ?? "an unknown peer", verdict);
    return verdict;
  };
  return {
    check(request) {
      const peer = peerOf(request);
      const verdict = headCheck(request) ?? identify(request, peer);
      return verdict instanceof Promise ? verdict.then((late) => told(late, peer)) : told(verdict, peer);
    },
  };
}
