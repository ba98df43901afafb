import { setTimeout as sleep } from "node:timers/promises";

const POLL_MS = 100;

/** Waits until a condition holds, for a limited time (ms). Returns whether it holds. */
export async function within(ms: number, isSo: () => Promise<boolean>): Promise<boolean> {
  for (const end = performance.now() + ms; performance.now() < end; await sleep(POLL_MS))
    if (await isSo()) return true;
  return isSo();
}
