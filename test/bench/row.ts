import type { Bench } from "./bench.ts";
import type { Figure } from "./figure.ts";

/** A topic of the table: what it measures together. */
export interface Row {
  /** What the command line picks it by. */
  name: string;
  /** Only when it is named: it takes long. */
  further?: true;
  /** It rests for long, so it begins before the others. */
  early?: true;
  /** Calls `resting` where it only waits from then on: the next one starts. */
  run(bench: Bench, resting: () => void): Promise<Figure[]>;
}
