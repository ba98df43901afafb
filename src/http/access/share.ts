import type { Caller } from "../../domain/caller.ts";
import { type LimitName, limitNote } from "../../domain/limits.ts";

/** Parts of a bound that one origin may hold, and all origins but this machine's own programs together. */
const OF_ONE = 1 / 4;
const OF_REMOTE = 3 / 4;

export interface ShareOptions {
  limit: LimitName;
  most: number;
  /** One origin may hold so much in any case; 1 when undefined. */
  least?: number;
  /** For a refusal: `calls are` and `under way`. */
  things: string;
  doing: string;
}

/**
 * A bounded resource: one origin holds a quarter of it at most, and all but `local` three quarters, so that the programs of
 * this machine are never crowded out. What was taken must be given back.
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

  /** Takes so much; or changes nothing and returns why not, as the start of a sentence. */
  take(caller: Caller, amount = 1): string | null {
    const problem = this.problem(caller, amount);
    if (problem === null) this.add(caller, amount);
    return problem;
  }

  problem({ local, origin }: Caller, amount: number): string | null {
    const { most, things } = this.#options;
    if (this.#held + amount > most) return this.#sentence(`${most} ${things} are`);
    if (local) return null;
    if ((this.#byOrigin.get(origin) ?? 0) + amount > this.#ofOne)
      return this.#sentence(`${origin} has ${this.#ofOne} of ${most} ${things}`);
    if (this.#remote + amount > this.#ofRemote)
      return this.#sentence(`other machines have ${this.#ofRemote} of ${most} ${things}`);
    return null;
  }

  /** Takes it whether there is room or not. */
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
    return `${start} ${this.#options.doing} already${limitNote(this.#options.limit)}`;
  }
}
