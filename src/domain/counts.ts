import type { Event } from "./event.ts";
import type { Level } from "./level.ts";
import type { Pushed } from "./store.ts";

/** Events of the work of this process, counted since its start. */
export class Counts {
  /** Published events by their level. */
  readonly published: Record<Level, number> = { lifecycle: 0, info: 0, actionable: 0 };
  wakes = 0;
  handOvers = 0;
  /** Size of the texts that were put into contexts (bytes). */
  pushedBytes = 0;
  /** Deliveries that were queued for webhooks. */
  queued = 0;
  /** Attempts by what became of their deliveries. `pending` ones are tried again. */
  readonly attempts = { delivered: 0, pending: 0, dead: 0 };
  /** How often the database stopped taking writes. */
  faults = 0;

  stored({ signal_level }: Pick<Event, "signal_level">, webhookIds: readonly number[]): void {
    this.published[signal_level]++;
    this.queued += webhookIds.length;
  }

  pushed({ kind, bytes }: Pick<Pushed, "kind" | "bytes">): void {
    if (kind === "hand_over") this.handOvers++;
    else this.wakes++;
    this.pushedBytes += bytes;
  }
}
