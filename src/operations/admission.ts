import { type Caller, covers } from "../domain/caller.ts";
import { type LimitName, type Limits, limitNote } from "../domain/limits.ts";
import { Rate } from "../domain/rate.ts";
import type { Operation } from "./operation.ts";
import type { Denial } from "./outcome.ts";

/** Returns why the caller may not run the operation now. Null when it may. */
export type Admit = (caller: Caller, operation: Operation) => Denial | null;

/** Admission by the caller's scope and by how fast it publishes. `steady` is a clock that never jumps (ms). */
export function createAdmit(limits: Limits, steady: () => number): Admit {
  const publishes = publishRates(limits, steady);
  return (caller, operation) => {
    const needed = operation.scope ?? "full";
    if (!covers(caller.scope, needed))
      return {
        kind: "scope",
        reason: `The token ${caller.origin} has the scope ${caller.scope}, which does not allow ${operation.name}. Use a token with the scope ${needed}.`,
      };
    return operation.appends ? publishes(caller) : null;
  };
}

/** Publish rate of each peer. The programs of this machine are one peer. */
function publishRates(limits: Limits, steady: () => number): (caller: Caller) => Denial | null {
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
      kind: "rate",
      reason: `${caller.origin} published more than ${limits[limit]} events per second${limitNote(limit)}. Nothing was stored. Try again in a second.`,
    };
  };
}
