import type { Bench } from "./bench.ts";
import type { Figure } from "./figure.ts";

/** A topic of the table: what it measures together. */
export interface Row {
  /** What the command line picks it by. */
  name: string;
  run(bench: Bench): Promise<Figure[]>;
}
