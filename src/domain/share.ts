import type { Caller } from "./caller.ts";
import { type LimitName, limitNote } from "./limits.ts";

/** Parts of a bound that one remote origin, and all remote origins together, may hold. */
const OF_ONE = 1 / 4;
const OF_REMOTE = 3 / 4;

export interface ShareOptions {
  limit: LimitName;
  most: number;
  /** Amount that one origin may hold in any case. 1 when undefined. */
  least?: number;
  /** Words of a refusal, like `calls` and `under way`. */
  things: string;
  doing: string;
}

/**
 * A bounded resource. One remote origin holds at most a quarter of it, all of them three quarters, so that programs of this
 * machine are never crowded out. What was taken must be given back.
 */
export class Share {
  readonly #options: ShareOptions;
  readonly #ofOne: number;
  readonly #ofRemote: number;
  #held = 0;
  #remote = 0;
  readonly #byOrigin = new Map<string, number>();

  constructor(options: ShareOptions) {
    const { most, least = 1 } = options;
    this.#options = options;
    this.#ofOne = Math.max(least, Math.floor(most * OF_ONE));
    this.#ofRemote = Math.max(least, Math.floor(most * OF_REMOTE));
  }

  /** Takes the amount and returns null, or changes nothing and returns the start of a sentence that says why. */
  take(caller: Caller, amount = 1): string | null {
    const problem = this.problem(caller, amount);
    if (problem === null) this.add(caller, amount);
    return problem;
  }

  problem({ local, origin }: Caller, amount = 1): string | null {
    const { most, things } = this.#options;
    if (this.#held + amount > most) return this.#sentence(`${most} ${things} are already`);
    if (local) return null;
    if ((this.#byOrigin.get(origin) ?? 0) + amount > this.#ofOne)
      return this.#sentence(`${origin} already has ${this.#ofOne} of ${most} ${things}`);
    if (this.#remote + amount > this.#ofRemote)
      return this.#sentence(`Other machines already have ${this.#ofRemote} of ${most} ${things}`);
    return null;
  }

  /** Takes the amount even when there is no room. */
  add({ local, origin }: Caller, amount = 1): void {
    this.#held += amount;
    if (local) return;
    this.#remote += amount;
    this.#byOrigin.set(origin, (this.#byOrigin.get(origin) ?? 0) + amount);
  }

  give({ local, origin }: Caller, amount = 1): void {
    this.#held -= amount;
    if (local) return;
    this.#remote -= amount;
    const left = (this.#byOrigin.get(origin) ?? 0) - amount;
    if (left > 0) this.#byOrigin.set(origin, left);
    else this.#byOrigin.delete(origin);
  }

  #sentence(start: string): string {
    return `${start} ${this.#options.doing}${limitNote(this.#options.limit)}`;
  }
}
