const LOOK_MS = 500;

/** Tells from a count of calls if there are many. Work that can wait then leaves the processor to them. */
export class Load {
  readonly #count: () => number;
  readonly #high: number;
  #counted: number;
  #at = performance.now();
  #isHigh = true;

  /** `high`: more calls a second are many. */
  constructor(count: () => number, high: number) {
    this.#count = count;
    this.#high = high;
    this.#counted = count();
  }

  isHigh(): boolean {
    const seconds = (performance.now() - this.#at) / 1000;
    if (seconds * 1000 >= LOOK_MS) {
      const counted = this.#count();
      this.#isHigh = (counted - this.#counted) / seconds > this.#high;
      this.#counted = counted;
      this.#at = performance.now();
    }
    return this.#isHigh;
  }
}
