/** A step that takes longer makes the next ones smaller (ms). */
const MOST_STEP_MS = 4;
const LEAST_ROWS = 10;
const MOST_ROWS = 50;

/** How many ids one step may go over. */
export interface StepSize {
  least: number;
  most: number;
}

/** A range of ids, both ends excluded. */
export interface Range {
  after: number;
  before: number;
}

/** Cuts a range of ids into steps, each of about the same time. */
export class Steps {
  readonly #isUp: boolean;
  readonly #size: StepSize;
  #left: Range;
  #ids: number;
  #rows = MOST_ROWS;

  constructor(range: Range, order: "asc" | "desc", size: StepSize) {
    this.#left = range;
    this.#size = size;
    this.#ids = size.least;
    this.#isUp = order === "asc";
  }

  /** The rest of the range. */
  get left(): Range {
    return this.#left;
  }

  /** The next range to read, and how many rows of it. `nearest`: the first id that is left. */
  next(nearest: number): Range & { limit: number } {
    const { after, before } = this.#left;
    const range = this.#isUp
      ? { after: nearest - 1, before: Math.min(before, nearest + this.#ids) }
      : { after: Math.max(after, nearest - this.#ids), before: nearest + 1 };
    return { ...range, limit: this.#rows };
  }

  /** Goes on after a step: behind the last id that was read, or behind the whole range if there were no more rows. */
  took(ms: number, { after, before }: Range, last: number | undefined): void {
    if (this.#isUp) this.#left = { ...this.#left, after: last ?? before - 1 };
    else this.#left = { ...this.#left, before: last ?? after + 1 };
    const factor = ms > MOST_STEP_MS ? 0.5 : ms < MOST_STEP_MS / 2 ? 2 : 1;
    this.#rows = within(LEAST_ROWS, this.#rows * factor, MOST_ROWS);
    const { least, most } = this.#size;
    if (last === undefined || factor < 1) this.#ids = within(least, this.#ids * factor, most);
  }
}

function within(least: number, value: number, most: number): number {
  return Math.round(Math.min(most, Math.max(least, value)));
}

/** Lets only one of all searches go on in each turn of the event loop. */
export class OneByOne {
  #last: Promise<void> = Promise.resolve();

  /** Resolves when it is the caller's turn. */
  next(): Promise<void> {
    this.#last = this.#last.then(() => new Promise((resolve) => setImmediate(resolve)));
    return this.#last;
  }
}
