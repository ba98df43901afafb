import type { Store } from "../../domain/store.ts";

/** Events that come within this time are sent together. */
const GATHER_MS = 100;
const VIEW_MS = 250;
/** Some changes are not told of, such as the end of a process. */
const LOOK_AGAIN_MS = 5_000;

/**
 * Tells open pages that there is something new. Listens to the store once, however many pages there are, and does nothing in
 * the turn of a publish but to set a timer.
 */
export class Changes {
  /** Grow when events came, and when a view may be another one. */
  events = 0;
  views = 0;
  /** When the last change was heard of (performance.now). */
  heardAt = 0;
  ended = false;
  readonly #store: Store;
  readonly #pages = new Set<() => void>();
  #listens = false;
  #viewedAt = 0;
  #eventTimer: ReturnType<typeof setTimeout> | undefined;
  #viewTimer: ReturnType<typeof setTimeout> | undefined;
  #interval: ReturnType<typeof setInterval> | undefined;

  constructor(store: Store) {
    this.#store = store;
  }

  /** Calls `onChange` after changes, and every 5 s. Returns the end of it. */
  follow(onChange: () => void): () => void {
    this.#listen();
    this.#pages.add(onChange);
    this.#interval ??= setInterval(() => this.#viewChanged(), LOOK_AGAIN_MS);
    return () => {
      this.#pages.delete(onChange);
      if (this.#pages.size > 0) return;
      clearInterval(this.#interval);
      this.#interval = undefined;
    };
  }

  /** Ends for good. */
  end(): void {
    this.ended = true;
    clearTimeout(this.#eventTimer);
    clearTimeout(this.#viewTimer);
    for (const page of this.#pages) page();
  }

  #listen(): void {
    if (this.#listens) return;
    this.#listens = true;
    this.#store.listen(() => this.#eventCame());
    this.#store.listenCommits(() => this.#heard());
  }

  #eventCame(): void {
    if (this.#pages.size > 0 && !this.ended)
      this.#eventTimer ??= setTimeout(() => this.#eventsChanged(), GATHER_MS);
  }

  #heard(): void {
    if (this.#pages.size === 0 || this.ended) return;
    this.heardAt = performance.now();
    if (this.#viewTimer !== undefined) return;
    const wait = Math.max(GATHER_MS, this.#viewedAt + VIEW_MS - this.heardAt);
    this.#viewTimer = setTimeout(() => this.#viewChanged(), wait);
  }

  #eventsChanged(): void {
    this.#eventTimer = undefined;
    this.events++;
    this.#tell();
  }

  #viewChanged(): void {
    clearTimeout(this.#viewTimer);
    this.#viewTimer = undefined;
    this.#viewedAt = performance.now();
    this.views++;
    this.#tell();
  }

  #tell(): void {
    for (const page of this.#pages) page();
  }
}
