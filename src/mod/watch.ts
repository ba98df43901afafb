import { knownFields, titleOf } from "../hooks/input.ts";
import { identityOf } from "../hooks/session.ts";
import type { Bus } from "./bus.ts";
import type { ClassicInput, Engine } from "./engine.ts";
import { hookSession, sessionCall } from "./session.ts";

/** Claude Code ends a request after 30 s. */
export const HOLD_SECONDS = 20;
const LONGEST_MS = 30_000;

/** When a session takes what it has to read. */
export type Path = "prompt" | "tool" | "stop";

const watched = {
  /** A call waits, or is about to. */
  isWatched: false,
  /** For which hook the bus has nothing, as long as the call waits. What it has for tool uses, it has for prompts. */
  emptyFor: undefined as "prompt" | "tool" | undefined,
  /** There is something for the next prompt, and for no hook before it. */
  isForPrompt: false,
  /** The title that the bus was told last. */
  title: undefined as string | undefined,
  /** Ends with the last report. */
  told: Promise.resolve(),
};

/** True if the bus has nothing for a hook, so that the client need not wait for its answer. */
export function hasNothing(path: Path, input: ClassicInput): boolean {
  if (path !== "prompt") return watched.emptyFor !== undefined;
  return watched.emptyFor === "prompt" && titleOf(knownFields(input)) === watched.title;
}

/** Tells the bus what a hook knows, while the client goes on. */
export function tellLater($: Engine, bus: Bus, path: Path, input: ClassicInput): void {
  const tell = async () => void (await (await hookSession($, bus, input)).collect(path, 0));
  watched.told = watched.told.then(tell).catch(() => {});
}

/** Resolves once the bus was told of all hooks. */
export function allTold(): Promise<void> {
  return watched.told;
}

/** Watches from a hook on that has taken what there was. */
export function watchOn($: Engine, bus: Bus, path: Path, input: ClassicInput): void {
  if (path === "prompt") {
    watched.isForPrompt = false;
    watched.title = titleOf(knownFields(input));
  }
  void watch($, bus);
}

/** Asks the bus to answer once there is something to take. Ends then, or when the bus is away: the next hook asks. */
async function watch($: Engine, bus: Bus): Promise<void> {
  if (watched.isWatched) return;
  watched.isWatched = true;
  try {
    for (let goesOn = true; goesOn; ) {
      const call = await sessionCall($, bus, {});
      const hook = watched.isForPrompt ? "tool" : "prompt";
      watched.emptyFor = hook;
      const wait = { hook, wait_seconds: HOLD_SECONDS };
      const given = await call.call("watch_inbox", { ...identityOf(call), ...wait }, LONGEST_MS);
      watched.emptyFor = undefined;
      if (given.hook === "prompt") watched.isForPrompt = true;
      goesOn = given.hook !== "tool" && given.unknown !== true && given.stops !== true;
    }
  } catch {
    watched.emptyFor = undefined;
  } finally {
    watched.isWatched = false;
  }
}
