const EVERY_MS = 100;
/** A monitor that has not asked for this long is gone (ms). */
const PATIENCE_MS = 300_000;

/** Measures how late timers run, from the first question on and while more follow. */
export class LoopDelay {
  #longest = 0;
  #askedAt = 0;
  #timer: ReturnType<typeof setInterval> | undefined;

  /** The longest delay since the last question (ms). 0 at the first one. */
  take(): number {
    this.#askedAt = performance.now();
    this.#timer ??= this.#measure();
    const longest = this.#longest;
    this.#longest = 0;
    return longest;
  }

  #measure(): ReturnType<typeof setInterval> {
    let due = performance.now() + EVERY_MS;
    const timer = setInterval(() => {
      const now = performance.now();
      this.#longest = Math.max(this.#longest, now - due);
      due = now + EVERY_MS;
      if (now - this.#askedAt > PATIENCE_MS) this.#end();
    }, EVERY_MS);
    timer.unref();
    return timer;
  }

  #end(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#longest = 0;
  }
}
