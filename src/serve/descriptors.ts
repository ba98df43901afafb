import { closeSync, openSync, readFileSync } from "node:fs";
import { devNull } from "node:os";
import type { Limits } from "../domain/limits.ts";
import { attempt } from "../lib/attempt.ts";
import type { Listening } from "../runtime/runtime.ts";
import type { Log } from "./log.ts";

const LOOK_MS = 1_000;
const REST_MS = 10;
const TELL_AGAIN_MS = 60_000;

/**
 * Looks each second whether this process has a file descriptor left, without which nobody can connect. If not, closes the connections
 * that wait for no answer. Also rests in each turn of the event loop, because Bun tries without end to accept the next connection.
 * Tells it a calm second later, because the log needs a descriptor too. Ends with `stop` of what it returns.
 */
export function watchDescriptors(listening: Listening, log: Pick<Log, "warn">): Listening {
  let outAt = Number.NEGATIVE_INFINITY;
  let toldAt = Number.NEGATIVE_INFINITY;
  let cancel = () => {};
  function look(): void {
    const now = performance.now();
    if (isOut()) {
      outAt = now;
      listening.closeIdle();
      rest();
      const next = setImmediate(look);
      cancel = () => clearImmediate(next);
      return;
    }
    const isCalm = now >= outAt + LOOK_MS;
    const next = setTimeout(look, isCalm ? LOOK_MS : REST_MS).unref();
    cancel = () => clearTimeout(next);
    if (!isCalm || outAt <= toldAt || now < toldAt + TELL_AGAIN_MS) return;
    toldAt = now;
    log.warn(
      "no file descriptor was left, so idle connections were closed. If this comes again, raise the limit of open files (ulimit -n).",
    );
  }
  look();
  return {
    ...listening,
    stop(force) {
      cancel();
      return listening.stop(force);
    },
  };
}

/** Blocks this thread for `REST_MS`, on either runtime. */
function rest(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, REST_MS);
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

/**
 * The limits, with at most a third of the open files for calls that wait and another third for streams. The rest is left to
 * connections that are answered at once.
 */
export function withinFiles(limits: Limits, log: Pick<Log, "warn">): Limits {
  const files = mostFiles();
  const waiters = Math.max(1, Math.floor(files / 3));
  if (waiters >= limits.waiters) return limits;
  log.warn(
    `this process may open ${files} files, so at most ${waiters} calls wait at once (limit waiters). To allow ${limits.waiters}, raise the limit of open files (ulimit -n) to ${limits.waiters * 3}.`,
  );
  return { ...limits, waiters };
}

/** The limit of open files of this process, which the runtime has raised as far as it may. Infinity if the system does not tell. */
function mostFiles(): number {
  const text = attempt(() => readFileSync("/proc/self/limits", "utf8"));
  return Number(/^Max open files +(\d+)/m.exec(text ?? "")?.[1] ?? Number.POSITIVE_INFINITY);
}
