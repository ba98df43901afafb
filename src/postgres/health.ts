import type { Trouble } from "../domain/store.ts";
import { type Pool, statement } from "./connection.ts";
import { sentenceOf, troubleOf } from "./faults.ts";

type OnTrouble = (trouble: Trouble | null, before: Trouble | null) => void;

const PROBE_MS = 1_000;
const PROBE = statement(
  "INSERT INTO bus (key, value) VALUES ('probe', md5(random()::text)) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
);
/** Takes new pages of the disk. A row that is changed again and again fits where an event does not. */
const PROBE_OF_SPACE = statement(`DO 'BEGIN
  CREATE UNLOGGED TABLE bus_probe AS SELECT md5(number::text) FROM generate_series(1, 1000) AS number;
  DROP TABLE bus_probe;
END'`);

/** Knows if the database takes writes. Once it does not, a probe every second finds out when that is over. */
export class Health {
  readonly #pool: Pool;
  readonly #now: () => number;
  readonly #listeners: OnTrouble[] = [];
  #trouble: Trouble | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** `now`: wall clock (ms). */
  constructor(pool: Pool, now: () => number) {
    this.#pool = pool;
    this.#now = now;
  }

  /** Calls `onTrouble` when the database stops taking writes, and with null when it takes them again. `before`: how it was. */
  listen(onTrouble: OnTrouble): void {
    this.#listeners.push(onTrouble);
  }

  trouble(): Trouble | null {
    return this.#trouble;
  }

  /** Takes note of a failed write. */
  failed(error: unknown): void {
    const problem = troubleOf(error);
    if (problem === null || this.#trouble?.problem === problem) return;
    this.#become({ problem, since: this.#now(), detail: sentenceOf(problem, error) });
    this.#probeSoon();
  }

  /** Takes note of a commit. A full disk may still have had room for it. */
  succeeded(): void {
    if (this.#trouble !== null && this.#trouble.problem !== "storage_full") this.#recovered();
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  #recovered(): void {
    clearTimeout(this.#timer);
    this.#become(null);
  }

  #become(trouble: Trouble | null): void {
    const before = this.#trouble;
    this.#trouble = trouble;
    for (const onTrouble of this.#listeners) onTrouble(trouble, before);
  }

  #probeSoon(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#probe(), PROBE_MS);
    this.#timer.unref();
  }

  async #probe(): Promise<void> {
    try {
      await this.#pool.run(this.#trouble?.problem === "storage_full" ? PROBE_OF_SPACE : PROBE);
      if (this.#trouble !== null) this.#recovered();
    } catch (error) {
      this.failed(error);
      this.#probeSoon();
    }
  }
}
