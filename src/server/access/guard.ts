import type { Caller } from "../../bus/caller.ts";
import { type Peer, peerOf } from "../../runtime/runtime.ts";
import { createHeadCheck, type HeadOptions, type Refusal } from "./head.ts";
import { createIdentify, type IdentifyOptions } from "./identify.ts";
import type { Report } from "./report.ts";

export interface GuardOptions extends HeadOptions, IdentifyOptions {
  /** Told of each request that is turned away. */
  refused: Report;
}

/** What programs send all the time. Nothing that a check looks for may be among them. */
const ORDINARY = new Set([
  "accept",
  "accept-encoding",
  "accept-language",
  "connection",
  "content-length",
  "content-type",
  "host",
  "mcp-protocol-version",
  "mcp-session-id",
  "sec-fetch-mode",
  "user-agent",
]);

// One walk through the names in place of a search for each that might be there.
function isOrdinary(headers: Headers): boolean {
  for (const name of headers.keys()) if (!ORDINARY.has(name)) return false;
  return true;
}

export interface Guard {
  /** Who sent a request, or why it is turned away. Nothing of it but its head was read. */
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
      const ordinary = isOrdinary(request.headers);
      const verdict = headCheck(request, ordinary) ?? identify(request, peer, ordinary);
      return verdict instanceof Promise ? verdict.then((late) => told(late, peer)) : told(verdict, peer);
    },
  };
}
