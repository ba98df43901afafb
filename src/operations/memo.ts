/** Remembers what is found out, for all who ask within a time. */
export class Memo<T> {
  readonly #find: () => Promise<T>;
  #known: { at: number; found: Promise<T> } | undefined;

  constructor(find: () => Promise<T>) {
    this.#find = find;
  }

  /** Resolves with something that was found out at most `mostMs` ago. */
  get(mostMs: number): Promise<T> {
    const now = performance.now();
    if (this.#known !== undefined && now - this.#known.at <= mostMs) return this.#known.found;
    const known = { at: now, found: this.#find() };
    this.#known = known;
    // A failure is not remembered.
    known.found.catch(() => {
      if (this.#known === known) this.#known = undefined;
    });
    return known.found;
  }
}
