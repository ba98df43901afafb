import type { Caller } from "../../domain/caller.ts";
import { type LimitName, type Limits, limitNote } from "../../domain/limits.ts";
import { Rate } from "../../domain/rate.ts";
import { Share } from "../../domain/share.ts";
import { httpDenial, type Refusal } from "./refusal.ts";

/** Bursts after a pause, in seconds of the rate. A large answer delays other calls while it is serialized. */
const CALLS_AT_ONCE_S = 2;
const TRAFFIC_AT_ONCE_S = 0.25;
/** A body up to this size is not refused unread (bytes). */
export const SMALL_BYTES = 64 * 1024;
/** Longest wait of a call for its peer's turn (ms). */
const PATIENCE_MS = 2_000;

/**
 * Bounds on what callers send, hold and leave unread over HTTP. Programs of this machine are bounded by the number of their
 * calls alone. A refusal changes nothing.
 */
export class Shares {
  readonly #limits: Limits;
  readonly #steady: () => number;
  /** Calls under way. */
  readonly calls: Share;
  /** Streams that stay open, of the page and of MCP. */
  readonly streams: Share;
  readonly #reading: Share;
  readonly #bodies: Share;
  readonly #unread: Share;
  readonly #callRate: Rate;
  readonly #traffic: Rate;

  constructor(limits: Limits, steady: () => number) {
    this.#limits = limits;
    this.#steady = steady;
    const calls = { limit: "calls", most: limits.calls, things: "calls", doing: "under way" } as const;
    this.calls = new Share(calls);
    this.streams = new Share({ limit: "waiters", most: limits.waiters, things: "streams", doing: "open" });
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

  /** Why a body may not be read now. After null, `bodyRead` must follow. */
  readBody(caller: Caller, bytes: number): Refusal | null {
    if (caller.local) return busy(this.#reading.take(caller));
    const { origin } = caller;
    if (!this.#callRate.take(origin)) return this.#tooFast(origin, "calls_per_second", "calls");
    // A small body may come, because its call waits for its turn.
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

  /** Why no further call may begin. Null when one may. */
  full(caller: Caller): Refusal | null {
    return busy(this.calls.problem(caller));
  }

  /** Waits for the turn of a call with a body of `bytes`. Resolves with null, or with why the turn does not come. */
  async turn({ origin }: Caller, bytes: number): Promise<Refusal | null> {
    const until = this.#steady() + PATIENCE_MS;
    for (;;) {
      const ms = this.#traffic.missingMs(origin, bytes);
      if (ms === 0) return null;
      if (this.#steady() + ms > until) return this.#tooFast(origin, "traffic_bytes_per_second", "bytes");
      await new Promise((resolve) => setTimeout(resolve, ms));
    }
  }

  /** Why an answer may not be handed to the connection. After null, `taken` must follow. */
  answer(caller: Caller, bytes: number): string | null {
    if (caller.local) return null;
    this.#traffic.charge(caller.origin, bytes);
    // A reader can repeat its call. Any other answer may be the only report of what was done.
    if (caller.scope === "read") return this.#unread.take(caller, bytes);
    this.#unread.add(caller, bytes);
    return null;
  }

  taken(caller: Caller, bytes: number): void {
    if (!caller.local) this.#unread.give(caller, bytes);
  }

  #tooFast(origin: string, limit: LimitName, things: string): Refusal {
    const reason = `${origin} sends more than ${this.#limits[limit]} ${things} per second${limitNote(limit)}. Nothing was done. Try again in a second.`;
    return httpDenial({ kind: "rate", reason });
  }
}

function busy(problem: string | null): Refusal | null {
  if (problem === null) return null;
  return httpDenial({ kind: "busy", reason: `${problem}. Nothing was done. Try again in a second.` });
}
