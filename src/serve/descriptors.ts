import { closeSync, openSync } from "node:fs";
import { devNull } from "node:os";
import type { Listening } from "../runtime/runtime.ts";
import type { Log } from "./log.ts";

const LOOK_MS = 1_000;
const TELL_AGAIN_MS = 60_000;

/**
 * Looks each second whether this process has a file descriptor left, without which nobody can connect. If not, closes the connections
 * that wait for no answer. Tells it afterwards, because the log needs a descriptor too. Ends with `stop` of what it returns.
 */
export function watchDescriptors(listening: Listening, log: Pick<Log, "warn">): Listening {
  let wasOut = false;
  let toldAt = Number.NEGATIVE_INFINITY;
  const timer = setInterval(() => {
    if (isOut()) {
      wasOut = true;
      return listening.closeIdle();
    }
    if (!wasOut || performance.now() < toldAt + TELL_AGAIN_MS) return;
    wasOut = false;
    toldAt = performance.now();
    log.warn(
      "no file descriptor was left, so idle connections were closed. If this comes again, raise the limit of open files (ulimit -n).",
    );
  }, LOOK_MS);
  timer.unref();
  return {
    ...listening,
    stop(force) {
      clearInterval(timer);
      return listening.stop(force);
    },
  };
}

function isOut(): boolean {
  try {
    closeSync(openSync(devNull, "r"));
    return false;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === "EMFILE" || code === "ENFILE";
  }
}
