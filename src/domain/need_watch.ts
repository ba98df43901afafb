import { type Bus, here } from "./context.ts";
import { dialogWait } from "./dialogs.ts";
import { type Need, WITHDRAWN } from "./need.ts";
import { isAlive } from "./session.ts";

/** A need that stands for this time (ms) is shown to the person where they are. */
export const STANDS_MS = 10_000;
/** A dialog that no hook holds any more is gone after this time (ms). */
const LOST_MS = 3_000;
/** The same for one of before the start of the bus. Hooks try again after 5 s at most. */
const START_MS = 10_000;
const TICK_MS = 1_000;

/** Shows needs to the person somewhere. */
export interface NeedView {
  /** Called once for a need that has stood for 10 s. */
  show(need: Need): void;
  /** Called when a need that was shown is closed. */
  end(need: Need): void;
}

/** An open need, with times on a steady clock (ms). */
interface Standing extends Pick<Need, "need_id" | "session_id" | "event_id" | "since"> {
  from: number;
  /** Since when nothing holds the dialog. */
  loose: number | undefined;
  /** A dialog of before the start, which no hook has held again. */
  earlier: boolean;
  shown: boolean;
}

/** Follows the open needs: ends those whose dialog or session is gone, and tells views of those that stand. */
export class NeedWatch {
  readonly #bus: Bus;
  readonly #views: readonly NeedView[];
  readonly #standing = new Map<number, Standing>();
  #isLoaded = false;
  #fails = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #ended = false;

  constructor(bus: Bus, views: readonly NeedView[]) {
    this.#bus = bus;
    this.#views = views;
  }

  start(): void {
    const { store, subscriptions } = this.#bus;
    store.needs.listen((need) => {
      if (need.state === "open") {
        this.#opened(need, false);
        this.#plan(TICK_MS);
      } else {
        this.#closed(need);
        if (need.taken_at === null) subscriptions.refresh(dialogWait(need.session_id));
      }
    });
    this.#plan(0);
  }

  stop(): void {
    this.#ended = true;
    clearTimeout(this.#timer);
  }

  #opened({ need_id, session_id, event_id, since }: Need, earlier: boolean): void {
    if (this.#standing.has(need_id)) return;
    const now = performance.now();
    const times = { from: now, loose: undefined, earlier, shown: false };
    this.#standing.set(need_id, { need_id, session_id, event_id, since, ...times });
  }

  #closed(need: Need): void {
    const standing = this.#standing.get(need.need_id);
    this.#standing.delete(need.need_id);
    if (standing?.shown === true) for (const view of this.#views) view.end(need);
  }

  #plan(ms: number): void {
    if (this.#timer !== undefined || this.#ended) return;
    const look = async () => {
      const isAny = await this.#look().catch((error) => this.#failed(error));
      this.#timer = undefined;
      if (isAny) this.#plan(TICK_MS);
    };
    this.#timer = setTimeout(look, ms);
    this.#timer.unref?.();
  }

  /** Warns once of a store that fails for long. */
  #failed(error: unknown): true {
    if (!this.#fails) this.#bus.warn(`could not look after what waits for the user: ${error}`);
    this.#fails = true;
    return true;
  }

  /** False if nothing is open. */
  async #look(): Promise<boolean> {
    const { needs } = this.#bus.store;
    if (!this.#isLoaded) for (const need of await needs.standing()) this.#opened(need, true);
    this.#isLoaded = true;
    const gone = new Map<string, boolean>();
    for (const standing of this.#standing.values()) {
      const { need_id, session_id } = standing;
      const isGone = gone.get(session_id) ?? (await this.#isGone(session_id));
      gone.set(session_id, isGone);
      if (isGone) await needs.withdraw(need_id, WITHDRAWN.session);
      else if (this.#isLost(standing)) await needs.withdraw(need_id, WITHDRAWN.lost);
      else if (this.#isDue(standing)) await this.#show(standing);
    }
    this.#fails = false;
    return this.#standing.size > 0;
  }

  async #isGone(sessionId: string): Promise<boolean> {
    const session = await this.#bus.store.sessions.get(sessionId);
    return session !== undefined && !isAlive(session, here(this.#bus));
  }

  #isLost(standing: Standing): boolean {
    if (standing.event_id !== null) return false;
    const now = performance.now();
    if (this.#bus.dialogs.held(standing) !== undefined) {
      standing.loose = undefined;
      standing.earlier = false;
      return false;
    }
    standing.loose ??= now;
    return now - standing.loose >= (standing.earlier ? START_MS : LOST_MS);
  }

  #isDue({ shown, from, since, event_id, ...need }: Standing): boolean {
    if (shown) return false;
    const { now, dialogs } = this.#bus;
    // A clock that was set back does not hold it back.
    if (performance.now() < from + STANDS_MS && now() < Date.parse(since) + STANDS_MS) return false;
    return event_id !== null || dialogs.held(need)?.certain === true;
  }

  async #show(standing: Standing): Promise<void> {
    const need = await this.#bus.store.needs.get(standing.need_id);
    // Closed meanwhile.
    if (need === undefined || this.#standing.get(need.need_id) !== standing) return;
    standing.shown = true;
    for (const view of this.#views) view.show(need);
  }
}
