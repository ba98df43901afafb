/** A killed hook never releases. The hooks beside it have 300 ms in all. */
const LONGEST_MS = 200;

/**
 * Allows one hand-over to a session at a time. Hooks of tools that end at the same moment would otherwise be given the same
 * events, each before another confirmed them.
 */
export class Turns {
  readonly #taken = new Map<string, { over: Promise<void>; end(): void }>();

  /** Resolves when it is the caller's turn, which ends by `end` or after 200 ms. */
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
