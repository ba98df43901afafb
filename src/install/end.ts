import type { Holder } from "../admin/holder.ts";
import { exists, processStart } from "../lib/process.ts";
import { within } from "../lib/within.ts";

/** Longer than a bus takes to stop, which ends itself after 12 s. */
const GONE_MS = 20_000;

/** Tells a bus to stop, and waits until its process is gone. `then` is what the user wants next. @throws Error with a sentence. */
export async function endBus(bus: Holder & { kind: "bus" }, then?: string): Promise<void> {
  try {
    if (processStart(bus.pid) === bus.started) process.kill(bus.pid, "SIGTERM");
  } catch (error) {
    // The process ended between the two lines.
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
  if (await isGone(bus)) return;
  throw new Error(
    `The bus (process ${bus.pid}) did not stop within ${GONE_MS / 1000} s. To end it at once, which loses no event: kill -9 ${bus.pid}${then === undefined ? "" : `; ${then}`}`,
  );
}

/** Waits until the process of a bus has ended. False after 20 s. */
export function isGone({ pid, started }: { pid: number; started: string | null }): Promise<boolean> {
  return within(GONE_MS, async () => !exists(pid) || processStart(pid) !== started);
}
