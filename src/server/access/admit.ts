import { type Caller, covers } from "../../bus/caller.ts";
import { type Limits, limitNote } from "../../bus/limits.ts";
import type { Operation } from "../../operation.ts";
import type { Refusal } from "./head.ts";

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
  const rates = new Rates(limits, steady);
  return (caller, tool) => {
    const operation = typeof tool === "string" ? byName.get(tool) : undefined;
    if (operation === undefined) return null;
    if (!covers(caller.scope, operation.scope ?? "full"))
      return {
        status: 403,
        reason: `the token ${caller.origin} has the scope ${caller.scope}, which does not cover ${operation.name}; that needs a token with --scope ${operation.scope ?? "full"}`,
        headers: { "www-authenticate": 'Bearer realm="agent-event-bus", error="insufficient_scope"' },
      };
    return operation.appends ? rates.take(caller) : null;
  };
}

const MOST_BUCKETS = 10_000;

/** A bucket of events for each peer, filled at a steady rate (token bucket). */
class Rates {
  readonly #limits: Limits;
  readonly #steady: () => number;
  readonly #buckets = new Map<string, { left: number; at: number }>();

  constructor(limits: Limits, steady: () => number) {
    this.#limits = limits;
    this.#steady = steady;
  }

  take(caller: Caller): Refusal | null {
    const name = caller.local ? "local_publish_per_second" : "publish_per_second";
    const rate = this.#limits[name];
    if (rate === 0) return null;
    const most = Math.max(1, this.#limits.publish_burst);
    const now = this.#steady();
    const bucket = this.#buckets.get(caller.origin) ?? { left: most, at: now };
    bucket.left = Math.min(most, bucket.left + (Math.max(0, now - bucket.at) / 1000) * rate);
    bucket.at = now;
    // Again at the end of the map: the first ones are those that have published nothing for longest.
    this.#buckets.delete(caller.origin);
    this.#buckets.set(caller.origin, bucket);
    for (const origin of this.#buckets.keys())
      if (this.#buckets.size > MOST_BUCKETS) this.#buckets.delete(origin);
    if (bucket.left < 1)
      return {
        status: 429,
        reason: `${caller.origin} publishes more than ${rate} events a second${limitNote(name)}: nothing was stored; try again in a second`,
        headers: { "retry-after": "1" },
      };
    bucket.left--;
    return null;
  }
}
