/** How long a hook with a time limit waits. The hooks beside a killed one, which never releases, have 300 ms in all. */
const LIMITED_MS = 200;
/** How long one without a limit waits: a machine under load may take seconds to show and confirm a message. */
const LONGEST_MS = 5_000;

interface Turn {
  since: number;
  over: Promise<void>;
  end(): void;
}

/**
 * Allows one hand-over to a session at a time. Hooks that ask at the same moment would otherwise be given the same events,
 * each before another confirmed them.
 */
export class Turns {
  readonly #taken = new Map<string, Turn>();

  /**
   * Resolves when it is the caller's turn, which ends by `end` or after 5 s. A caller that is not `patient` ends the turn of
   * another one once that has lasted for 200 ms.
   */
  async take(sessionId: string, patient = false): Promise<void> {
    for (let turn = this.#taken.get(sessionId); turn !== undefined; turn = this.#taken.get(sessionId)) {
      const left = turn.since + (patient ? LONGEST_MS : LIMITED_MS) - performance.now();
      if (left > 0) await within(left, turn.over);
      else turn.end();
    }
    this.#begin(sessionId);
  }

  end(sessionId: string): void {
    this.#taken.get(sessionId)?.end();
  }

  #begin(sessionId: string): void {
    const { promise: over, resolve } = Promise.withResolvers<void>();
    const turn: Turn = {
      since: performance.now(),
      over,
      end: () => {
        clearTimeout(timer);
        if (this.#taken.get(sessionId) === turn) this.#taken.delete(sessionId);
        resolve();
      },
    };
    const timer = setTimeout(turn.end, LONGEST_MS).unref();
    this.#taken.set(sessionId, turn);
  }
}

/** Resolves with the promise, or after so many milliseconds. */
async function within(ms: number, promise: Promise<void>): Promise<void> {
  const { promise: late, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  await Promise.race([promise, late]);
  clearTimeout(timer);
}
