/** Rows to show, and the room of the others (px). */
export interface Window {
  from: number;
  to: number;
  before: number;
  after: number;
}

/** Heights of the rows of a long list, known or estimated, and where each row begins. */
export class Heights {
  readonly #known = new Map<string, number>();
  #keys: readonly string[] = [];
  #tops: number[] = [0];

  /** Sets the rows. `estimate`: for those that were never measured. */
  rows(keys: readonly string[], estimate: (index: number) => number): void {
    this.#keys = keys;
    const tops = [0];
    let top = 0;
    for (const [index, key] of keys.entries()) {
      top += this.#known.get(key) ?? estimate(index);
      tops.push(top);
    }
    this.#tops = tops;
    if (this.#known.size > 4 * keys.length + 1_000) this.#drop();
  }

  /** Notes the measured height of a row. True if it differs from the one that was assumed. */
  measured(index: number, height: number): boolean {
    const key = this.#keys[index];
    if (key === undefined) return false;
    this.#known.set(key, height);
    const by = height - (this.topOf(index + 1) - this.topOf(index));
    if (Math.abs(by) < 0.5) return false;
    for (let i = index + 1; i < this.#tops.length; i++) this.#tops[i] = this.topOf(i) + by;
    return true;
  }

  topOf(index: number): number {
    return this.#tops[Math.max(0, Math.min(index, this.#tops.length - 1))] ?? 0;
  }

  get total(): number {
    return this.topOf(this.#tops.length - 1);
  }

  /** The row at a distance from the top. */
  at(y: number): number {
    let low = 0;
    let high = Math.max(0, this.#keys.length - 1);
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.topOf(middle) <= y) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /** Rows between two distances from the top, with `margin` more on each side (px). */
  window(top: number, height: number, margin: number): Window {
    const from = this.at(Math.max(0, top - margin));
    const to = Math.min(this.#keys.length, this.at(top + height + margin) + 1);
    return { from, to, before: this.topOf(from), after: this.total - this.topOf(to) };
  }

  /** Forgets all measured heights, as the width has changed. The rows in sight are measured again. */
  forget(): void {
    this.#known.clear();
  }

  #drop(): void {
    const shown = new Set(this.#keys);
    for (const key of this.#known.keys()) if (!shown.has(key)) this.#known.delete(key);
  }
}
