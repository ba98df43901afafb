import type { Bench } from "./bench.ts";
import type { Figure } from "./figure.ts";

/** A topic of the table: what it measures together. */
export interface Row {
  /** What the command line picks it by. */
  name: string;
  /** Only when it is named: it has no target, and takes long. */
  further?: true;
  /** It mostly waits, so it runs beside all others. */
  beside?: true;
  run(bench: Bench): Promise<Figure[]>;
}
