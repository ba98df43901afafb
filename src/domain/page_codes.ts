import { hmac } from "../lib/hmac.ts";
import { alone, type Peers } from "./peers.ts";

/** The login that a code gives. */
export interface Grant {
  /** Hash of the token that asked for the code. The login ends with it. */
  token: string | undefined;
  /** The only user of this machine who may use the code, besides root. Undefined if any browser may. */
  user: number | undefined;
}

/** Time for which a code works (ms). */
export const CODE_MS = 60_000;
const MOST_WAITING = 100;

/** Codes that sign a browser in to the page, at any bus of the database, once each. Kept as hashes. */
export class PageCodes {
  readonly #key: Uint8Array;
  readonly #notes: Pick<Peers, "put" | "pull">;
  /** The notes of codes that this bus made, as far as it knows them to wait. */
  readonly #waiting = new Set<string>();

  /** `key`: that of the database. */
  constructor(key: Uint8Array, notes: Pick<Peers, "put" | "pull"> = alone()) {
    this.#key = key;
    this.#notes = notes;
  }

  /** Makes a code of 128 random bits, and drops the oldest of more than 100 that wait. `now` is wall time (ms). */
  async make(grant: Grant, now: number): Promise<{ code: string; until: number }> {
    const code = Buffer.from(crypto.getRandomValues(new Uint8Array(16))).toString("base64url");
    const until = now + CODE_MS;
    const note = await this.#noteOf(code);
    await this.#notes.put(note, JSON.stringify({ ...grant, until }), CODE_MS);
    this.#waiting.add(note);
    const [oldest = ""] = this.#waiting;
    if (this.#waiting.size > MOST_WAITING) await this.#pull(oldest);
    return { code, until };
  }

  /** Uses a code up. Undefined if it is unknown, used or expired. */
  async take(code: string, now: number): Promise<Grant | undefined> {
    const note = await this.#pull(await this.#noteOf(code));
    if (note === undefined) return undefined;
    const { token, user, until } = JSON.parse(note) as Grant & { until: number };
    return now < until ? { token, user } : undefined;
  }

  #pull(note: string): Promise<string | undefined> {
    this.#waiting.delete(note);
    return this.#notes.pull(note);
  }

  async #noteOf(code: string): Promise<string> {
    return `code ${Buffer.from(await hmac(this.#key, `code.${code}`)).toString("base64url")}`;
  }
}
