import type { Counts } from "../domain/counts.ts";
import type { Trouble } from "../domain/store.ts";
import type { Log } from "./log.ts";

/** Logs when the database stops taking writes and when it takes them again. */
export function reportTrouble(log: Log, counts: Counts): (trouble: Trouble | null) => void {
  let began = 0;
  return (trouble) => {
    if (trouble === null) {
      const seconds = Math.round((performance.now() - began) / 1000);
      return log.info(`the database takes writes again, after ${seconds} s`);
    }
    began = performance.now();
    counts.faults++;
    log.error(`the database takes no writes (${trouble.problem}), reads go on: ${trouble.detail}`);
  };
}

/** Logs that the server of the database was replaced by one that never got the last events. */
export function reportLoss(log: Log): (last: number, kept: number) => void {
  return (last, kept) =>
    log.error(
      `the database has lost the events ${kept + 1} to ${last}, which its new primary server never got. New events take their numbers`,
    );
}
