import type { WakeSetting } from "./attention.ts";
import type { Counts } from "./counts.ts";
import type { Dialogs } from "./dialogs.ts";
import type { Turns } from "./handover_lock.ts";
import type { Limits } from "./limits.ts";
import type { NotifySetting } from "./notification.ts";
import type { PageCodes } from "./page_codes.ts";
import type { Place } from "./session.ts";
import type { Inbound } from "./source.ts";
import type { StorageProblem, Store } from "./store.ts";
import type { Storms } from "./storms.ts";
import type { Subscriptions } from "./subscriptions.ts";
import type { EndingToken } from "./token.ts";
import type { Deliveries } from "./webhook.ts";

/**
 * Everything that a handler may touch. Time, host and side effects are fields, so tests run the real handlers and the
 * real store with a clock of their own.
 */
export interface Bus {
  store: Store;
  /** Wall clock (ms since 1970). */
  now(): number;
  /** This machine's present name. */
  host: string;
  /** This machine's stable id. Undefined if it has none. */
  machineId: string | undefined;
  /** The PID namespace that the bus runs in. Undefined without Linux. */
  pidNamespace: string | undefined;
  processExists(pid: number): boolean;
  /** Start time of a process of this machine. Null if there is no such process. */
  processStart(pid: number): string | null;
  limits: Limits;
  subscriptions: Subscriptions;
  /** Shows a desktop notification. False if that failed, and then the log has the reason. */
  notify(notification: Notification): Promise<boolean>;
  deliveries: Deliveries;
  inbound: Inbound;
  /**
   * Id of the last event that a session's hooks checked for being actionable, and its cursor then. Lost at the end of the
   * process, and of this bus alone: another one only looks again.
   */
  looked: Map<string, { to: number; cursor: number }>;
  /** Time at which a session was last at work, as its hooks told, on a steady clock (ms). Lost at the end of the process. */
  atWork: Map<string, number>;
  dialogs: Dialogs;
  /** For sessions that have no setting of their own. */
  wake: WakeSetting;
  /** Tokens that will expire. */
  endingTokens(): readonly EndingToken[];
  /** Selects the events that the user is notified of. The tool `notify` is not bound by it. */
  notices: NotifySetting;
  /** The user is shown no notifications before this time (ms since 1970). Kept in the store. */
  muted: { until: number };
  storms: Storms;
  /** When this bus last told two sessions that their messages no longer wake each other (ms). Lost at the end of the process. */
  toldPairs: Map<string, number>;
  /**
   * When this bus last told the user of attempts to answer in their place, by culprit. Each attempt is counted by one bus, so
   * several buses tell of a culprit once a minute each. Lost at the end of the process.
   */
  attempts: Map<string, { toldAt: number; heldBack: number }>;
  counts: Counts;
  /** Links that sign a browser in to the page. Lost at the end of the process. */
  pageCodes: PageCodes;
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
  /** How many more events it stands for. */
  others?: number;
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

/** The database cannot be used. The message is one line: what, where, what to do. The database was left as it was. */
export class OpenError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "OpenError";
  }
}

export function here(bus: Bus): Place {
  return {
    now: bus.now(),
    host: bus.host,
    machineId: bus.machineId,
    processExists: (pid) => bus.processExists(pid),
    processStart: (pid) => bus.processStart(pid),
    isHeld: (sessionId) => bus.subscriptions.has(sessionId),
  };
}
