const OPEN_AFTER = 5;
const FIRST_PROBE_MS = 5_000;
const LONGEST_PROBE_MS = 5 * 60_000;
const DRAIN_INTERVAL_MS = 20;

/**
 * Keeps a failing endpoint from being hammered: after five failures in a row only one probe at a time, after 5 s and
 * then twice as long up to 5 min; after it recovered at most 50 attempts a second until its backlog is gone.
 * Times are of one steady clock, ms.
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

  /** How many attempts may start now, given how many are under way. */
  allowance(now: number, running: number, most: number): number {
    if (now < this.notBefore) return 0;
    if (this.open) return running === 0 ? 1 : 0;
    return Math.max(0, Math.min(most - running, this.#recovering ? 1 : most));
  }

  /** When to look again; a time that has passed when nothing holds it. */
  get notBefore(): number {
    return Math.max(this.#heldUntil, this.open ? this.#probeAt : this.#drainAt);
  }

  started(now: number): void {
    if (this.#recovering) this.#drainAt = now + DRAIN_INTERVAL_MS;
  }

  /** The endpoint is there, whatever it thinks of the request. */
  answered(): void {
    if (this.open) this.#recovering = true;
    this.#failures = 0;
    this.#probeWait = FIRST_PROBE_MS;
  }

  /** A failure of the endpoint itself: no answer, or a 5xx. */
  failed(now: number): void {
    this.#failures++;
    // Attempts that were under way when it opened are no probes.
    if (!this.open || now < this.#probeAt) return;
    this.#probeAt = now + this.#probeWait;
    this.#probeWait = Math.min(this.#probeWait * 2, LONGEST_PROBE_MS);
    this.#recovering = false;
  }

  /** The endpoint asked for a pause. Another answer does not end it: it may belong to an earlier request. */
  holdUntil(time: number): void {
    this.#heldUntil = Math.max(this.#heldUntil, time);
  }

  /** A person wants to see it tried. */
  retryNow(): void {
    this.#probeAt = 0;
    this.#heldUntil = 0;
  }

  /** Nothing is waiting for the endpoint any more. */
  drained(): void {
    this.#recovering = false;
  }
}
