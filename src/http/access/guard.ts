import { ANYONE } from "../../domain/caller.ts";
import type { Route } from "../routes.ts";
import {
  type IdentifyOptions,
  type Incoming,
  incomingOf,
  needsToken,
  noFunnel,
  noOutsider,
  SENDER_RULES,
  STRANGERS_RULES,
  type Verdict,
} from "./authenticate.ts";
import { createKnown, HEAD_RULES, type HeadOptions, type Known } from "./origin.ts";
import { processOf } from "./peer_process.ts";
import type { Report } from "./refusal.ts";

export interface GuardOptions extends HeadOptions, IdentifyOptions {
  /** Called for each refused request. */
  refused: Report;
}

/** The demands of a route. */
export type Wanted = Pick<Route, "body" | "proves" | "anyone" | "strangers">;

const UNKNOWN_ROUTE: Wanted = { body: "json" };

export interface Guard {
  /** Finds the sender of a request, or refuses it. Reads nothing but its head. `route` is the one that was found. */
  check(request: Request, route?: Wanted): Verdict | Promise<Verdict>;
}

/** Returns null if the next rule decides. */
export type Rule = (
  incoming: Incoming,
  settings: IdentifyOptions & { known: Known },
) => Verdict | null | Promise<Verdict | null>;

/** Every rule, in order. A request that no rule decides about needs a token. */
export const RULES: readonly Rule[] = [...HEAD_RULES, ...SENDER_RULES];

/** The rules for a route that needs no sender. */
const ANYONES_RULES: readonly Rule[] = [...HEAD_RULES, noFunnel, noOutsider];
/** The rules for a route that strangers may use. */
const OPEN_RULES: readonly Rule[] = [...HEAD_RULES, ...STRANGERS_RULES];

/** Stands before every route. */
export function createGuard(options: GuardOptions, rules = RULES): Guard {
  const settings = { ...options, known: createKnown(options) };

  function rulesFor({ anyone, strangers }: Wanted): readonly Rule[] {
    if (strangers) return OPEN_RULES;
    return anyone ? ANYONES_RULES : rules;
  }

  function decide(incoming: Incoming, left = rules): Verdict | Promise<Verdict> {
    for (const rule of left) {
      const verdict = rule(incoming, settings);
      if (verdict instanceof Promise) return verdict.then(next(incoming, left.slice(left.indexOf(rule) + 1)));
      if (verdict !== null) return told(incoming, verdict);
    }
    const { peer, way, anyone, strangers } = incoming;
    if (strangers) return ANYONE;
    if (anyone) return { ...ANYONE, local: way !== undefined && way.proxy === undefined };
    return told(incoming, needsToken(peer, way?.proxy));
  }

  // Hot path: a closure in the loop itself would cost each rule an object.
  const next = (incoming: Incoming, left: readonly Rule[]) => (found: Verdict | null) =>
    found === null ? decide(incoming, left) : told(incoming, found);

  function told({ peer }: Incoming, verdict: Verdict): Verdict {
    if ("status" in verdict) options.refused(peer?.address ?? "an unknown peer", verdict);
    return verdict;
  }

  return {
    check(request, wanted = UNKNOWN_ROUTE) {
      const incoming = incomingOf(request, wanted);
      const verdict = decide(incoming, rulesFor(wanted));
      return wanted.proves === "process" ? withProcess(verdict, incoming) : verdict;
    },
  };
}

/** Looks for the process only after the sender is known, so that strangers cannot cause the search. */
async function withProcess(verdict: Verdict | Promise<Verdict>, { peer }: Incoming): Promise<Verdict> {
  const known = await verdict;
  return "status" in known ? known : { ...known, process: await processOf(peer) };
}
