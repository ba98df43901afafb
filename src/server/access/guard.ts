import type { Caller } from "../../bus/caller.ts";
import { peerOf } from "../../runtime/runtime.ts";
import { createHeadCheck, type HeadOptions, type Refusal } from "./head.ts";
import { createIdentify, type IdentifyOptions } from "./identify.ts";
import type { Report } from "./report.ts";

export interface GuardOptions extends HeadOptions, IdentifyOptions {
  /** Told of each request that is turned away. */
  refused: Report;
}

export interface Guard {
  /** Lets a request in, or says why not. Nothing of it but its head was read. */
  check(request: Request): Promise<Refusal | null>;
  /** Who sent a request that was let in. */
  callerOf(request: Request): Caller;
}

/** Who may talk to the bus: stands before every route. */
export function createGuard(options: GuardOptions): Guard {
  const headCheck = createHeadCheck(options);
  const identify = createIdentify(options);
  const callers = new WeakMap<Request, Caller>();
  return {
    async check(request) {
      const peer = peerOf(request);
      const refusal = headCheck(request);
      const verdict = refusal ?? (await identify(request, peer));
      if ("status" in verdict) {
        options.refused(peer?.address ?? "an unknown peer", verdict);
        return verdict;
      }
      callers.set(request, verdict);
      return null;
    },
    callerOf(request) {
      const caller = callers.get(request);
      if (caller === undefined) throw new Error("a request reached a route without passing the guard");
      return caller;
    },
  };
}
