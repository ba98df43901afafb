import type { Bench } from "./bench.ts";
import type { Figure } from "./figure.ts";

/** A topic of the table: what it measures together. */
export interface Row {
  /** What the command line picks it by. */
  name: string;
  /** Left out of a quick run unless it is named: it has no target, or takes long. */
  notQuick?: true;
  run(bench: Bench): Promise<Figure[]>;
}
