const MOST_ORIGINS = 10_000;

export interface RateOptions {
  /** 0 means no bound. */
  perSecond: number;
  /** Amount that may be taken at once after a pause. */
  most: number;
  /** Clock that never jumps (ms). */
  steady(): number;
}

interface Bucket {
  left: number;
  /** Time of the last look (ms). */
  at: number;
}

/** A token bucket for each origin. */
export class Rate {
  readonly #options: RateOptions;
  readonly #buckets = new Map<string, Bucket>();
  #newest: Bucket | undefined;

  constructor(options: RateOptions) {
    this.#options = options;
  }

  /** Returns false when nothing is left. An amount larger than what is left leaves a debt, and later calls wait for it. */
  take(origin: string, amount = 1): boolean {
    if (this.#options.perSecond === 0) return true;
    const bucket = this.#filled(origin);
    if (bucket.left < 1) return false;
    bucket.left -= amount;
    return true;
  }

  /** Time until something is left (ms), without the debt that `own` made. */
  missingMs(origin: string, own: number): number {
    const { perSecond } = this.#options;
    if (perSecond === 0) return 0;
    return Math.max(0, Math.ceil(((1 - own - this.#filled(origin).left) / perSecond) * 1000));
  }

  /** Takes an amount that was used already. */
  charge(origin: string, amount: number): void {
    if (this.#options.perSecond > 0) this.#filled(origin).left -= amount;
  }

  #filled(origin: string): Bucket {
    const { perSecond, most, steady } = this.#options;
    const now = steady();
    const bucket = this.#buckets.get(origin) ?? { left: most, at: now };
    bucket.left = Math.min(most, bucket.left + (Math.max(0, now - bucket.at) / 1000) * perSecond);
    bucket.at = now;
    if (bucket === this.#newest) return bucket;
    this.#newest = bucket;
    // Back to the end of the map, so that the first entries are the longest unused ones.
    this.#buckets.delete(origin);
    this.#buckets.set(origin, bucket);
    const [oldest] = this.#buckets.keys();
    if (oldest !== undefined && this.#buckets.size > MOST_ORIGINS) this.#buckets.delete(oldest);
    return bucket;
  }
}
