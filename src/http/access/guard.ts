import type { BodyKind } from "../body.ts";
import {
  type IdentifyOptions,
  type Incoming,
  incomingOf,
  needsToken,
  SENDER_RULES,
  type Verdict,
} from "./authenticate.ts";
import { createKnown, HEAD_RULES, type HeadOptions, type Known } from "./origin.ts";
import type { Report } from "./refusal.ts";

export interface GuardOptions extends HeadOptions, IdentifyOptions {
  /** Called for each refused request. */
  refused: Report;
}

export interface Guard {
  /** Finds the sender of a request, or refuses it. Reads nothing but its head. `body` is what its route takes. */
  check(request: Request, body?: BodyKind): Verdict | Promise<Verdict>;
}

/** Returns null if the next rule decides. */
export type Rule = (
  incoming: Incoming,
  settings: IdentifyOptions & { known: Known },
) => Verdict | null | Promise<null>;

/** Every rule, in order. A request that no rule decides about needs a token. */
export const RULES: readonly Rule[] = [...HEAD_RULES, ...SENDER_RULES];

/** Stands before every route. */
export function createGuard(options: GuardOptions, rules = RULES): Guard {
  const settings = { ...options, known: createKnown(options) };

  function decide(incoming: Incoming, left = rules): Verdict | Promise<Verdict> {
    for (const rule of left) {
      const verdict = rule(incoming, settings);
      if (verdict instanceof Promise)
        return verdict.then(() => decide(incoming, left.slice(left.indexOf(rule) + 1)));
      if (verdict !== null) return told(incoming, verdict);
    }
    const { peer, way } = incoming;
    return told(incoming, needsToken(peer, way?.proxy));
  }

  function told({ peer }: Incoming, verdict: Verdict): Verdict {
    if ("status" in verdict) options.refused(peer?.address ?? "an unknown peer", verdict);
    return verdict;
  }

  return { check: (request, body = "json") => decide(incomingOf(request, body)) };
}
