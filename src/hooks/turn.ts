import { clientState, stateFile } from "./client_state.ts";
import type { HookCall } from "./types.ts";

const CHECK_MS = 500;
/** By then a client has told that its turn began (ms). */
const BEGUN_MS = 5_000;

/**
 * Resolves when the client's turn is over, also when the user interrupted it, which runs no hook. Returns for how long the
 * client has been idle (ms), or null if the client does not tell.
 */
export async function turnEnds(run: HookCall): Promise<number | null> {
  const file = stateFile(run);
  if (file === undefined) return null;
  for (;;) {
    const state = clientState(file);
    if (state === null) return null;
    // At first, an older stamp may come from before this turn. Later, the turn was over before this process ran.
    const isBegun = performance.now() > BEGUN_MS;
    if (state?.status === "idle" && (isBegun || state.since >= performance.timeOrigin))
      return Date.now() - state.since;
    await new Promise((resolve) => setTimeout(resolve, CHECK_MS));
  }
}
