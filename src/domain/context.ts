import type { Store } from "../sqlite/store.ts";
import type { Turns } from "./handover_lock.ts";
import type { Limits } from "./limits.ts";
import type { Place } from "./session.ts";
import type { Subscriptions } from "./subscriptions.ts";
import type { Deliveries } from "./webhook.ts";

/**
 * All that a handler may touch. Time, host and side effects are fields, so tests run the real handlers and the
 * real store with a clock of their own.
 */
export interface Bus {
  store: Store;
  /** Wall clock, ms since the epoch. */
  now(): number;
  /** This machine's name, as sessions state it. */
  host: string;
  processExists(pid: number): boolean;
  /** When a process of this machine started; null when there is none. */
  processStart(pid: number): string | null;
  limits: Limits;
  subscriptions: Subscriptions;
  /** Shows a desktop notification; false when none could be shown (the reason is in the log). */
  notify(notification: Notification): Promise<boolean>;
  deliveries: Deliveries;
  /** Up to which event the hooks of a session have looked for what is actionable; forgotten at the end of the process. */
  looked: Map<string, number>;
  /** When a session was last at work, as its hooks told, on a clock that never jumps (ms); forgotten likewise. */
  atWork: Map<string, number>;
  /** Whose hooks hand something over at this moment. */
  turns: Turns;
  /** The repository's name for a folder. `look`: the folder is this machine's, and its `.git` may be read. */
  repoOf(cwd: string, look: boolean): Promise<string>;
  warn(message: string): void;
}

export interface Notification {
  title: string;
  subtitle?: string;
  message: string;
  sound?: boolean;
  /** Notifications of one group replace each other where the desktop can do that. */
  group?: string;
}

export type BusErrorCode = "invalid" | StorageProblem | "too_many_waiters";

/** Why the store takes no write at the moment. */
export type StorageProblem =
  | "storage_busy"
  | "storage_full"
  | "storage_readonly"
  | "storage_failed"
  | "storage_corrupt";

/** A refusal inside the bus. Its message is a sentence for the caller. */
export class BusError extends Error {
  readonly code: BusErrorCode;
  constructor(code: BusErrorCode, message: string) {
    super(message);
    this.name = "BusError";
    this.code = code;
  }
}

export function here(bus: Bus): Place {
  return {
    now: bus.now(),
    host: bus.host,
    processExists: (pid) => bus.processExists(pid),
    processStart: (pid) => bus.processStart(pid),
    isHeld: (sessionId) => bus.subscriptions.has(sessionId),
  };
}
