/** How much work fits into a time, learned from the work before. */
export class Pace {
  readonly #bounds: { least: number; most: number };
  /** Per millisecond. */
  #rate: number;

  constructor({ least, first, most }: { least: number; first: number; most: number }) {
    this.#bounds = { least, most };
    this.#rate = first / FIRST_MS;
  }

  /** The amount of work that takes about so many milliseconds. */
  amount(ms: number): number {
    return Math.round(Math.min(this.#bounds.most, Math.max(this.#bounds.least, this.#rate * ms)));
  }

  took(amount: number, ms: number): void {
    const factor = Math.min(1.5, Math.max(0.5, amount / Math.max(ms, 0.1) / this.#rate));
    this.#rate *= factor;
  }
}

const FIRST_MS = 6;
const LOOK_MS = 500;
/** Calls a second. More have priority over work that can wait. */
const HIGH = 200;

/** Tells from a count of calls how much the bus has to do. */
export class Load {
  readonly #calls: () => number;
  #counted: number;
  #at = performance.now();
  #isHigh = true;

  constructor(calls: () => number) {
    this.#calls = calls;
    this.#counted = calls();
  }

  isHigh(): boolean {
    const seconds = (performance.now() - this.#at) / 1000;
    if (seconds * 1000 >= LOOK_MS) {
      const calls = this.#calls();
      this.#isHigh = (calls - this.#counted) / seconds > HIGH;
      this.#counted = calls;
      this.#at = performance.now();
    }
    return this.#isHigh;
  }
}
