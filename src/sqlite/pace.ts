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
