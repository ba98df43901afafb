/** A hook that was killed does not say that it is done. The hooks beside it have 300 ms in all. */
const LONGEST_MS = 200;

/**
 * One hand-over to a session at a time: hooks of tools that end at the same moment would be given the same events, each
 * before another said that they were shown.
 */
export class Turns {
  readonly #taken = new Map<string, { over: Promise<void>; end(): void }>();

  /** Resolves when it is the caller's turn, which ends by `end` or soon. */
  async take(sessionId: string): Promise<void> {
    while (this.#taken.has(sessionId)) await this.#taken.get(sessionId)?.over;
    const { promise: over, resolve } = Promise.withResolvers<void>();
    const end = () => {
      clearTimeout(timer);
      this.#taken.delete(sessionId);
      resolve();
    };
    const timer = setTimeout(end, LONGEST_MS);
    this.#taken.set(sessionId, { over, end });
  }

  end(sessionId: string): void {
    this.#taken.get(sessionId)?.end();
  }
}
