import type { Caller } from "./caller.ts";
import type { Event } from "./event.ts";
import type { Turns } from "./handover_lock.ts";
import type { Limits } from "./limits.ts";
import type { Place } from "./session.ts";
import type { StorageProblem, Store } from "./store.ts";
import type { Deliveries } from "./webhook.ts";

/**
 * Everything that a handler may touch. Time, host and side effects are fields, so tests run the real handlers and the
 * real store with a clock of their own.
 */
export interface Bus {
  store: Store;
  /** Wall clock, ms since the epoch. */
  now(): number;
  /** This machine's name, as sessions state it. */
  host: string;
  processExists(pid: number): boolean;
  /** Start time of a process of this machine; null if there is no such process. */
  processStart(pid: number): string | null;
  limits: Limits;
  waiters: Waiters;
  /** Shows a desktop notification. False if that failed; the log has the reason. */
  notify(notification: Notification): Promise<boolean>;
  deliveries: Deliveries;
  /** Id of the last event that a session's hooks checked for being actionable. Lost at the end of the process. */
  looked: Map<string, number>;
  /** Time at which a session was last at work, as its hooks told (steady, ms). Lost at the end of the process. */
  atWork: Map<string, number>;
  /** Lets one hook of a session hand events over at a time. */
  turns: Turns;
  /** The repository's name for a folder. `look`: the folder is on this machine, and its `.git` may be read. */
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

/** Calls that wait for a matching event to be committed. */
export interface Waiters {
  /**
   * Starts to wait, for the session `sessionId` if there is one. Must be closed. A `sole` waiter ends the session's earlier one.
   * @throws BusError `too_many_waiters` when the bound, or the caller's share of it, is reached.
   */
  open(matches: (event: Event) => boolean, sessionId?: string, sole?: boolean, caller?: Caller): Waiter;
  /** True if a call waits for the session at this moment. */
  has(sessionId: string): boolean;
  /** Ends the sole waiter of a session: its client is at work again, or gone. */
  dismiss(sessionId: string): void;
  wake(event: Event): void;
  /** Ends every waiting call with what it has: the bus stops. */
  end(): void;
}

export interface Waiter {
  /** True once waiting on is pointless: the bus stops, or another waiter took its place. */
  readonly over: boolean;
  /** True once another waiter took its place, or its session is at work or gone. */
  readonly dismissed: boolean;
  /** Resolves true at the next matching event since `open` or the last call, false after `ms` or when `signal` aborts. */
  next(ms: number, signal: AbortSignal): Promise<boolean>;
  close(): void;
}

/** The call that an operation runs in. */
export interface Call {
  signal: AbortSignal;
  caller: Caller;
  /** False once the caller's token is revoked or expired. */
  holds(): boolean;
  /** Tells the client that the call is alive. `elapsed` and `total` in seconds. */
  progress(elapsed: number, total: number): void;
}

export type BusErrorCode = "invalid" | StorageProblem | "too_many_waiters";

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
    isHeld: (sessionId) => bus.waiters.has(sessionId),
  };
}
