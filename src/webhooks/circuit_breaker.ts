import { heldFor } from "../domain/retry_schedule.ts";
import type { Outcome } from "../domain/webhook.ts";

const OPEN_AFTER = 5;
const FIRST_PROBE_MS = 5_000;
const LONGEST_PROBE_MS = 5 * 60_000;
const DRAIN_INTERVAL_MS = 20;

/**
 * Protects a failing endpoint. After five failures in a row one probe at a time is sent. The first one waits 5 s, and each
 * further one twice as long, up to 5 min. A recovered endpoint gets at most 50 attempts a second until its backlog is gone.
 * All times are steady (ms).
 */
export class Breaker {
  #failures = 0;
  #probeWait = FIRST_PROBE_MS;
  #probeAt = 0;
  #heldUntil = 0;
  #recovering = false;
  #drainAt = 0;

  get open(): boolean {
    return this.#failures >= OPEN_AFTER;
  }

  /** Number of attempts that may start now, if `running` are under way. */
  allowance(now: number, running: number, most: number): number {
    if (now < this.notBefore) return 0;
    if (this.open) return running === 0 ? 1 : 0;
    return Math.max(0, Math.min(most - running, this.#recovering ? 1 : most));
  }

  /** The earliest time of the next attempt. */
  get notBefore(): number {
    return Math.max(this.#heldUntil, this.open ? this.#probeAt : this.#drainAt);
  }

  started(now: number): void {
    if (this.#recovering) this.#drainAt = now + DRAIN_INTERVAL_MS;
  }

  /** Learns from a finished attempt. */
  ended(outcome: Outcome, now: number): void {
    if (isEndpointFailure(outcome)) this.failed(now);
    else this.answered();
    if (outcome.retryAfterMs > 0) this.holdUntil(now + heldFor(outcome.retryAfterMs));
  }

  /** The endpoint is up, even if it refuses the request. */
  answered(): void {
    if (this.open) this.#recovering = true;
    this.#failures = 0;
    this.#probeWait = FIRST_PROBE_MS;
  }

  /** The endpoint itself failed. */
  failed(now: number): void {
    this.#failures++;
    // Attempts that were under way when the breaker opened are not probes.
    if (!this.open || now < this.#probeAt) return;
    this.#probeAt = now + this.#probeWait;
    this.#probeWait = Math.min(this.#probeWait * 2, LONGEST_PROBE_MS);
    this.#recovering = false;
  }

  /** The endpoint asked for a pause. Another answer does not end it, because it may belong to an earlier request. */
  holdUntil(time: number): void {
    this.#heldUntil = Math.max(this.#heldUntil, time);
  }

  /** Lets the next attempt start at once, on a user's request. */
  retryNow(): void {
    this.#probeAt = 0;
    this.#heldUntil = 0;
  }

  /** The backlog of the endpoint is empty. */
  drained(): void {
    this.#recovering = false;
  }
}

/** True if there was no answer, or a 5xx: the endpoint is down. Any other status is about this one request. */
export function isEndpointFailure(outcome: Outcome): boolean {
  return outcome.error !== null && (outcome.status === null || outcome.status >= 500);
}
