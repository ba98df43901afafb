import type { Caller } from "../../domain/caller.ts";
import { type LimitName, type Limits, limitNote } from "../../domain/limits.ts";
import type { Refusal } from "./origin.ts";
import { Rate } from "./rate.ts";
import { Share } from "./share.ts";

/** What may come at once after a pause, in seconds of its rate. A large answer holds other calls up while it is written. */
const CALLS_AT_ONCE_S = 2;
const TRAFFIC_AT_ONCE_S = 0.25;
/** A body that is not worth being refused unread. */
export const SMALL_BYTES = 64 * 1024;
/** Longest wait of a call for its peer's turn, ms. */
const PATIENCE_MS = 2_000;

/**
 * What callers hold of the bus at a moment, and how much of it they use in time. Programs of this machine are bounded by
 * the number of their calls alone. A refusal changes nothing.
 */
export class Shares {
  readonly #limits: Limits;
  readonly #steady: () => number;
  readonly #calls: Share;
  readonly #reading: Share;
  readonly #bodies: Share;
  readonly #unread: Share;
  readonly #callRate: Rate;
  readonly #traffic: Rate;

  constructor(limits: Limits, steady: () => number) {
    this.#limits = limits;
    this.#steady = steady;
    const calls = { limit: "calls", most: limits.calls, things: "calls", doing: "under way" } as const;
    this.#calls = new Share(calls);
    this.#reading = new Share(calls);
    this.#bodies = new Share({
      limit: "bodies_bytes",
      most: limits.bodies_bytes,
      least: limits.body_bytes,
      things: "bytes of requests",
      doing: "under way",
    });
    this.#unread = new Share({
      limit: "unread_bytes",
      most: limits.unread_bytes,
      things: "bytes of answers",
      doing: "unread",
    });
    const rate = (perSecond: number, seconds: number) =>
      new Rate({ perSecond, most: Math.max(1, perSecond * seconds), steady });
    this.#callRate = rate(limits.calls_per_second, CALLS_AT_ONCE_S);
    this.#traffic = rate(limits.traffic_bytes_per_second, TRAFFIC_AT_ONCE_S);
  }

  /** Before a body of so many bytes is read; null when it may be, and `read` must follow. */
  readBody(caller: Caller, bytes: number): Refusal | null {
    if (caller.local) return busy(this.#reading.take(caller));
    const { origin } = caller;
    if (!this.#callRate.take(origin)) return this.#tooFast(origin, "calls_per_second", "calls");
    // A small one may come: its call waits for its turn.
    if (bytes <= SMALL_BYTES) this.#traffic.charge(origin, bytes);
    else if (!this.#traffic.take(origin, bytes))
      return this.#tooFast(origin, "traffic_bytes_per_second", "bytes");
    const problem = this.#unread.problem(caller, 1) ?? this.#bodies.take(caller, bytes);
    if (problem !== null) return busy(problem);
    const refusal = busy(this.#reading.take(caller));
    if (refusal !== null) this.#bodies.give(caller, bytes);
    return refusal;
  }

  bodyRead(caller: Caller, bytes: number): void {
    this.#reading.give(caller);
    if (!caller.local) this.#bodies.give(caller, bytes);
  }

  /** Null when a call may begin, and `ended` must follow. */
  begin(caller: Caller): Refusal | null {
    return busy(this.#calls.take(caller));
  }

  /** Resolves when it is the turn of a call whose body has so many bytes: null, or why it does not come. */
  async turn({ origin }: Caller, bytes: number): Promise<Refusal | null> {
    const until = this.#steady() + PATIENCE_MS;
    for (;;) {
      const ms = this.#traffic.missingMs(origin, bytes);
      if (ms === 0) return null;
      if (this.#steady() + ms > until) return this.#tooFast(origin, "traffic_bytes_per_second", "bytes");
      await new Promise((resolve) => setTimeout(resolve, ms));
    }
  }

  ended(caller: Caller): void {
    this.#calls.give(caller);
  }

  /** Before an answer of so many bytes is handed to the connection; null when it may be, and `taken` must follow. */
  answer(caller: Caller, bytes: number): string | null {
    if (caller.local) return null;
    this.#traffic.charge(caller.origin, bytes);
    // Whoever may only read repeats its call. Any other answer may be the only word of what was done.
    if (caller.scope === "read") return this.#unread.take(caller, bytes);
    this.#unread.add(caller, bytes);
    return null;
  }

  taken(caller: Caller, bytes: number): void {
    if (!caller.local) this.#unread.give(caller, bytes);
  }

  #tooFast(origin: string, limit: LimitName, things: string): Refusal {
    return {
      status: 429,
      reason: `${origin} sends more than ${this.#limits[limit]} ${things} a second${limitNote(limit)}: nothing was done; try again in a second`,
      headers: { "retry-after": "1" },
    };
  }
}

function busy(problem: string | null): Refusal | null {
  return problem === null
    ? null
    : {
        status: 503,
        reason: `${problem}: nothing was done; try again in a second`,
        headers: { "retry-after": "1" },
      };
}
