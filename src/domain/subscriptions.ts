import type { Call } from "./call.ts";
import type { Event } from "./event.ts";

/** Calls that wait for events. */
export interface Subscriptions {
  /**
   * Follows the events after `cursor`, or from now on without one. Iterating closes it. Else close it whatever happens.
   * @throws BusError `too_many_waiters` when the bound, or the caller's share of it, is reached.
   */
  subscribe(filter: (event: Event) => boolean, cursor: number | undefined, wait: Wait): Subscription;
  /** True while a call waits for the session. */
  has(sessionId: string): boolean;
  /** How many calls wait. */
  count(): number;
  /** Ends the sole subscription of a session, whose client is at work again or gone. */
  dismiss(sessionId: string): void;
  /** Ends the calls that wait for a session as if their time were up, so that they look again. */
  refresh(sessionId: string): void;
  /** Hints that an event was committed. */
  wake(event: Event): void;
  /** Ends every subscription because the bus stops. */
  end(): void;
}

export interface Wait {
  call: Call;
  seconds: number;
  /** The session that the call makes reachable. */
  sessionId?: string | undefined;
  /** The only subscription of its kind for the session. An earlier one ends. */
  sole?: boolean;
  /** Yields an empty batch at this interval (ms), for changes without an event. No progress is told. */
  everyMs?: number;
}

/**
 * Batches of events that pass the filter, read from the store after each hint. The first batch comes at once and may be
 * empty. Ends when the time is up, the client is gone, the caller's token has ended, or `over`.
 */
export interface Subscription extends AsyncIterable<readonly Event[]> {
  /** The bus stops, or the subscription was dismissed. Waiting again is pointless. */
  readonly over: boolean;
  /** A later subscription took its place, or its session is at work or gone. */
  readonly dismissed: boolean;
  close(): void;
}
