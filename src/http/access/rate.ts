const MOST_ORIGINS = 10_000;

export interface RateOptions {
  /** 0 = no bound. */
  perSecond: number;
  /** What may be taken at once after a pause. */
  most: number;
  /** Never jumps, ms. */
  steady(): number;
}

/** A bucket for each origin, filled at a steady rate (token bucket). */
export class Rate {
  readonly #options: RateOptions;
  readonly #buckets = new Map<string, { left: number; at: number }>();

  constructor(options: RateOptions) {
    this.#options = options;
  }

  /** Takes so much, also when less is left: what comes next waits until that is made up for. False when nothing is left. */
  take(origin: string, amount = 1): boolean {
    if (this.#options.perSecond === 0) return true;
    const bucket = this.#filled(origin);
    if (bucket.left < 1) return false;
    bucket.left -= amount;
    return true;
  }

  /** How long until something is left, ms; what is missing because of `own` does not count. */
  missingMs(origin: string, own: number): number {
    const { perSecond } = this.#options;
    if (perSecond === 0) return 0;
    return Math.max(0, Math.ceil(((1 - own - this.#filled(origin).left) / perSecond) * 1000));
  }

  /** Takes what was used already. */
  charge(origin: string, amount: number): void {
    if (this.#options.perSecond > 0) this.#filled(origin).left -= amount;
  }

  #filled(origin: string): { left: number; at: number } {
    const { perSecond, most, steady } = this.#options;
    const now = steady();
    const bucket = this.#buckets.get(origin) ?? { left: most, at: now };
    bucket.left = Math.min(most, bucket.left + (Math.max(0, now - bucket.at) / 1000) * perSecond);
    bucket.at = now;
    // Again at the end of the map: the first ones are those that have taken nothing for longest.
    this.#buckets.delete(origin);
    this.#buckets.set(origin, bucket);
    for (const known of this.#buckets.keys())
      if (this.#buckets.size > MOST_ORIGINS) this.#buckets.delete(known);
    return bucket;
  }
}
