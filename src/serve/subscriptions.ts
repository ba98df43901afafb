import type { Caller } from "../domain/caller.ts";
import { type Bus, BusError } from "../domain/context.ts";
import type { Event } from "../domain/event.ts";
import type { Peers } from "../domain/peers.ts";
import { Share } from "../domain/share.ts";
import type { Subscription, Subscriptions, Wait } from "../domain/subscriptions.ts";

const PROGRESS_MS = 10_000;
/** Bounds of one read. */
const PAGE = { limit: 100, most_bytes: 1024 * 1024, order: "asc" } as const;

export interface SubscriptionsOptions {
  events: Pick<Bus["store"]["events"], "read" | "tip">;
  /** Maximum number of subscriptions. */
  most: number;
  /** False once the caller's token is revoked or expired. */
  holds(caller: Caller): boolean;
  /** The buses whose calls may wait for a session too. */
  peers?: Pick<Peers, "hold" | "held" | "tell">;
}

type Filter = (event: Event) => boolean;

/** The open subscriptions of this process. A committed event wakes those whose filter it passes, in the same turn. */
export class OpenSubscriptions implements Subscriptions {
  readonly #options: SubscriptionsOptions;
  readonly #share: Share;
  readonly #open = new Set<OpenSubscription>();
  readonly #bySession = new Map<string, Set<OpenSubscription>>();
  #ended = false;

  constructor(options: SubscriptionsOptions) {
    this.#options = options;
    this.#share = new Share({ limit: "waiters", most: options.most, things: "calls", doing: "waiting" });
  }

  subscribe(filter: Filter, cursor: number | undefined, wait: Wait): Subscription {
    const problem = this.#share.take(wait.call.caller);
    if (problem !== null)
      throw new BusError("too_many_waiters", `${problem}. Call again without wait_seconds.`);
    const { sessionId, sole } = wait;
    if (sessionId !== undefined && sole === true) this.dismiss(sessionId);
    const opened = new OpenSubscription({
      ...this.#options,
      filter,
      cursor,
      wait,
      close: () => this.#forget(opened, wait),
    });
    opened.over = this.#ended;
    this.#open.add(opened);
    if (sessionId !== undefined) {
      const others = this.#bySession.get(sessionId) ?? new Set();
      this.#bySession.set(sessionId, others.add(opened));
      if (others.size === 1) this.#options.peers?.hold(waiting(sessionId), "");
    }
    return opened;
  }

  has(sessionId: string): boolean {
    return this.#bySession.has(sessionId) || this.#isHeldElsewhere(sessionId);
  }

  count(): number {
    return this.#open.size;
  }

  dismiss(sessionId: string): void {
    if (this.#isHeldElsewhere(sessionId)) this.#options.peers?.tell({ does: "dismiss", key: sessionId });
    this.dismissHere(sessionId);
  }

  refresh(sessionId: string): void {
    if (this.#isHeldElsewhere(sessionId)) this.#options.peers?.tell({ does: "refresh", key: sessionId });
    this.refreshHere(sessionId);
  }

  /** The same for the calls of this process alone. */
  dismissHere(sessionId: string): void {
    for (const one of this.#bySession.get(sessionId) ?? []) one.dismiss();
  }

  /** The same for the calls of this process alone. */
  refreshHere(sessionId: string): void {
    for (const one of this.#bySession.get(sessionId) ?? []) one.lapse();
  }

  wake(event: Event): void {
    for (const one of this.#open) one.hint(event);
  }

  end(): void {
    this.#ended = true;
    for (const one of this.#open) one.end();
  }

  #forget(closed: OpenSubscription, { call, sessionId }: Wait): void {
    if (this.#open.delete(closed)) this.#share.give(call.caller);
    if (sessionId === undefined) return;
    const others = this.#bySession.get(sessionId);
    others?.delete(closed);
    if (others?.size !== 0) return;
    this.#bySession.delete(sessionId);
    this.#options.peers?.hold(waiting(sessionId), undefined);
  }

  #isHeldElsewhere(sessionId: string): boolean {
    return (this.#options.peers?.held(waiting(sessionId)).length ?? 0) > 0;
  }
}

/** The key by which other buses see that a call waits for a session. */
function waiting(sessionId: string): string {
  return `waits ${sessionId}`;
}

interface Parts extends Pick<SubscriptionsOptions, "events" | "holds"> {
  filter: Filter;
  cursor: number | undefined;
  wait: Wait;
  close(): void;
}

class OpenSubscription implements Subscription {
  over = false;
  dismissed = false;
  readonly close: () => void;
  readonly #parts: Parts;
  /** Nothing up to this event is still to be read. Undefined until the first look. */
  #cursor: number | undefined;
  #hinted = false;
  #lapsed = false;
  #wakeUp: () => void = () => {};

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#cursor = parts.cursor;
    this.close = parts.close;
  }

  /** Never throws. A filter that does fails its own call, which reads the event again, and the door logs the error. */
  hint(event: Event): void {
    try {
      this.#hinted ||= this.#parts.filter(event);
    } catch {
      this.#hinted = true;
    }
    if (this.#hinted) this.#wakeUp();
    else if (event.id - 1 === this.#cursor) this.#cursor = event.id;
  }

  dismiss(): void {
    if (this.#parts.wait.sole !== true) return;
    this.dismissed = true;
    this.end();
  }

  lapse(): void {
    this.#lapsed = true;
    this.#wakeUp();
  }

  end(): void {
    this.over = true;
    this.#wakeUp();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<readonly Event[]> {
    const { holds, wait } = this.#parts;
    const { call, seconds, everyMs } = wait;
    const deadline = performance.now() + seconds * 1000;
    try {
      yield await this.#look();
      for (;;) {
        const left = deadline - performance.now();
        if (left <= 0 || this.over || this.#lapsed || call.signal.aborted) return;
        if (this.#hinted) {
          // A caller whose token has ended must not take what others could still read.
          if (!holds(call.caller)) return;
          const events = await this.#look();
          if (events.length > 0) yield events;
        } else if (everyMs !== undefined) {
          await this.#sleep(Math.min(left, everyMs));
          yield [];
        } else {
          await this.#sleep(Math.min(left, PROGRESS_MS));
          // Only after a whole step, because each value has to be greater than the one before.
          if (left >= PROGRESS_MS && !this.#hinted && !this.over && !this.#lapsed)
            call.progress(Math.round(seconds - (left - PROGRESS_MS) / 1000), seconds);
        }
      }
    } finally {
      this.close();
    }
  }

  /** The next page, as far as it passes the filter. Hints again if more may follow. */
  async #look(): Promise<readonly Event[]> {
    const { events, filter } = this.#parts;
    this.#hinted = false;
    if (this.#cursor === undefined) {
      this.#cursor = await events.tip();
      return [];
    }
    const page = await events.read({ ...PAGE, after: this.#cursor });
    this.#cursor = Math.max(this.#cursor, page.full ? page.highest : page.tip);
    if (page.full) this.#hinted = true;
    return page.events.filter(filter);
  }

  /** Resolves after `ms`, at a hint, at the end, or when the client is gone. */
  #sleep(ms: number): Promise<void> {
    const { signal } = this.#parts.wait.call;
    const { promise, resolve } = Promise.withResolvers<void>();
    const wake = () => resolve();
    const timer = setTimeout(wake, ms);
    signal.addEventListener("abort", wake);
    this.#wakeUp = wake;
    return promise.finally(() => {
      clearTimeout(timer);
      signal.removeEventListener("abort", wake);
    });
  }
}
