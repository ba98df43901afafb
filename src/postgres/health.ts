import type { Trouble } from "../domain/store.ts";
import { type Pool, statement } from "./connection.ts";
import { sentenceOf, troubleOf } from "./faults.ts";

export interface HealthOptions {
  /** Wall clock (ms). */
  now(): number;
  /** Told when the database stops taking writes, and with null when it takes them again. */
  onTrouble?: ((trouble: Trouble | null) => void) | undefined;
}

const PROBE_MS = 1_000;
const PROBE = statement(
  "INSERT INTO bus (key, value) VALUES ('probe', md5(random()::text)) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
);

/** Knows if the database takes writes. Once it does not, a probe every second finds out when that is over. */
export class Health {
  readonly #pool: Pool;
  readonly #options: HealthOptions;
  #trouble: Trouble | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(pool: Pool, options: HealthOptions) {
    this.#pool = pool;
    this.#options = options;
  }

  trouble(): Trouble | null {
    return this.#trouble;
  }

  /** Takes note of a failed write. */
  failed(error: unknown): void {
    const problem = troubleOf(error);
    if (problem === null || this.#trouble?.problem === problem) return;
    this.#trouble = { problem, since: this.#options.now(), detail: sentenceOf(problem, error) };
    this.#options.onTrouble?.(this.#trouble);
    this.#probeSoon();
  }

  /** Takes note of a commit. */
  succeeded(): void {
    if (this.#trouble === null) return;
    this.#trouble = null;
    clearTimeout(this.#timer);
    this.#options.onTrouble?.(null);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  #probeSoon(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#probe(), PROBE_MS);
    this.#timer.unref();
  }

  async #probe(): Promise<void> {
    try {
      await this.#pool.run(PROBE);
      this.succeeded();
    } catch (error) {
      this.failed(error);
      this.#probeSoon();
    }
  }
}
