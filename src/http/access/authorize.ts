import { type Caller, covers } from "../../domain/caller.ts";
import { type LimitName, type Limits, limitNote } from "../../domain/limits.ts";
import type { Operation } from "../../operations/operation.ts";
import type { Refusal } from "./origin.ts";
import { Rate } from "./rate.ts";

export interface AdmitOptions {
  operations: readonly Operation[];
  limits: Limits;
  /** Never jumps, ms. */
  steady(): number;
}

/** Whether a caller may make this call at this moment; null when it may. */
export type Admit = (caller: Caller, tool: unknown) => Refusal | null;

/** What a caller's scope covers, and how fast it may publish. */
export function createAdmit({ operations, limits, steady }: AdmitOptions): Admit {
  const byName = new Map(operations.map((operation) => [operation.name, operation]));
  const publishes = publishRates(limits, steady);
  return (caller, tool) => {
    const operation = typeof tool === "string" ? byName.get(tool) : undefined;
    if (operation === undefined) return null;
    if (!covers(caller.scope, operation.scope ?? "full"))
      return {
        status: 403,
        reason: `the token ${caller.origin} has the scope ${caller.scope}, which does not cover ${operation.name}; that needs a token with --scope ${operation.scope ?? "full"}`,
        headers: { "www-authenticate": 'Bearer realm="agent-event-bus", error="insufficient_scope"' },
      };
    return operation.appends ? publishes(caller) : null;
  };
}

/** How fast each peer may publish; the programs of this machine are one peer. */
function publishRates(limits: Limits, steady: () => number): (caller: Caller) => Refusal | null {
  const most = Math.max(1, limits.publish_burst);
  const rateOf = (limit: LimitName) => ({
    limit,
    rate: new Rate({ perSecond: limits[limit], most, steady }),
  });
  const [local, remote] = [rateOf("local_publish_per_second"), rateOf("publish_per_second")];
  return (caller) => {
    const { limit, rate } = caller.local ? local : remote;
    if (rate.take(caller.origin)) return null;
    return {
      status: 429,
      reason: `${caller.origin} publishes more than ${limits[limit]} events a second${limitNote(limit)}: nothing was stored; try again in a second`,
      headers: { "retry-after": "1" },
    };
  };
}
