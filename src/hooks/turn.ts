import { clientState, stateFile } from "./client_state.ts";
import type { HookCall } from "./types.ts";

const CHECK_MS = 500;

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
    // An older stamp comes from before this turn.
    if (state?.status === "idle" && state.since >= performance.timeOrigin) return Date.now() - state.since;
    await new Promise((resolve) => setTimeout(resolve, CHECK_MS));
  }
}
