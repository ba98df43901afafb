import { processStart } from "../lib/process.ts";
import { Refused } from "../rpc/errors.ts";
import type { HookCall } from "./types.ts";

const CLIENT_CHECK_MS = 2_000;
/** HTTP statuses of a bus that refuses this client. */
const SHUT = [400, 401, 403, 404];

/**
 * True if a hook may stay beside the client. Others than an interactive Claude Code wait for it, and so do older ones, which
 * do not name their process.
 */
export function mayStay({ config, format }: HookCall): boolean {
  if (config.entrypoint !== undefined && config.entrypoint !== "cli") return false;
  return config.clientPid !== undefined || format !== "claude";
}

/** Ends this process soon after the client's, so that no hook is left behind. Returns a check for the client's. */
export function leaveWith(pid: number): () => boolean {
  const started = processStart(pid);
  // A sandbox may not show the start of a process that is there.
  const isThere = () => {
    try {
      process.kill(pid, 0);
      return process.platform !== "linux" || processStart(pid) === started;
    } catch {
      return false;
    }
  };
  if (!isThere()) process.exit(0);
  setInterval(() => {
    if (!isThere()) process.exit(0);
  }, CLIENT_CHECK_MS);
  return isThere;
}

/** True if the bus refuses this client. A busy one may be asked again. */
export function isShut(error: unknown): boolean {
  return error instanceof Refused && SHUT.includes(error.status);
}
