import { LOCAL } from "../domain/caller.ts";
import { BusError, type Waiter, type Waiters } from "../domain/context.ts";
import type { Event } from "../domain/event.ts";
import { Share } from "../domain/share.ts";

/** Holds at most `most` waiting calls; a committed event wakes those whose filter it passes, in the same turn. */
export function createWaiters(most: number): Waiters {
  const open = new Set<HeldWaiter>();
  const share = new Share({ limit: "waiters", most, things: "calls", doing: "waiting" });
  const bySession = new Map<string, Set<HeldWaiter>>();
  let ended = false;

  function dismiss(sessionId: string): void {
    for (const waiter of bySession.get(sessionId) ?? []) if (waiter.sole) waiter.dismiss();
  }

  function forget(waiter: HeldWaiter, sessionId: string | undefined): void {
    if (sessionId === undefined) return;
    const held = bySession.get(sessionId);
    held?.delete(waiter);
    if (held?.size === 0) bySession.delete(sessionId);
  }

  return {
    open(matches, sessionId, sole = false, caller = LOCAL) {
      const problem = share.take(caller);
      if (problem !== null)
        throw new BusError("too_many_waiters", `${problem}. Call again without wait_seconds.`);
      if (sessionId !== undefined && sole) dismiss(sessionId);
      const waiter = new HeldWaiter(matches, sole, () => {
        if (open.delete(waiter)) share.give(caller);
        forget(waiter, sessionId);
      });
      waiter.over = ended;
      open.add(waiter);
      if (sessionId !== undefined) {
        const held = bySession.get(sessionId) ?? new Set();
        bySession.set(sessionId, held.add(waiter));
      }
      return waiter;
    },
    has: (sessionId) => bySession.has(sessionId),
    dismiss,
    wake(event) {
      for (const waiter of open) waiter.offer(event);
    },
    end() {
      ended = true;
      for (const waiter of open) waiter.end();
    },
  };
}

class HeldWaiter implements Waiter {
  over = false;
  dismissed = false;
  readonly sole: boolean;
  readonly close: () => void;
  readonly #matches: (event: Event) => boolean;
  #missed = false;
  #settle: ((found: boolean) => void) | undefined;

  constructor(matches: (event: Event) => boolean, sole: boolean, close: () => void) {
    this.#matches = matches;
    this.sole = sole;
    this.close = close;
  }

  offer(event: Event): void {
    if (!this.#matches(event)) return;
    if (this.#settle === undefined) this.#missed = true;
    else this.#settle(true);
  }

  dismiss(): void {
    this.dismissed = true;
    this.end();
  }

  end(): void {
    this.over = true;
    this.#settle?.(false);
  }

  next(ms: number, signal: AbortSignal): Promise<boolean> {
    if (signal.aborted || this.over) return Promise.resolve(false);
    if (this.#missed) {
      this.#missed = false;
      return Promise.resolve(true);
    }
    return new Promise((resolve) => {
      const settle = (found: boolean) => {
        this.#settle = undefined;
        clearTimeout(timer);
        signal.removeEventListener("abort", gone);
        resolve(found);
      };
      const gone = () => settle(false);
      const timer = setTimeout(gone, ms);
      signal.addEventListener("abort", gone);
      this.#settle = settle;
    });
  }
}
