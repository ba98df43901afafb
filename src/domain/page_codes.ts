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

/** Codes that sign a browser in to the page, at any bus of the database, once each. Kept as hashes. */
export class PageCodes {
  readonly #key: Uint8Array;
  readonly #notes: Pick<Peers, "put" | "pull">;

  /** `key`: that of the database. */
  constructor(key: Uint8Array, notes: Pick<Peers, "put" | "pull"> = alone()) {
    this.#key = key;
    this.#notes = notes;
  }

  /** Makes a code of 128 random bits. `now` is wall time (ms). */
  async make(grant: Grant, now: number): Promise<{ code: string; until: number }> {
    const code = Buffer.from(crypto.getRandomValues(new Uint8Array(16))).toString("base64url");
    const until = now + CODE_MS;
    await this.#notes.put(await this.#hash(code), JSON.stringify({ ...grant, until }), CODE_MS);
    return { code, until };
  }

  /** Uses a code up. Undefined if it is unknown, used or expired. */
  async take(code: string, now: number): Promise<Grant | undefined> {
    const note = await this.#notes.pull(await this.#hash(code));
    if (note === undefined) return undefined;
    const { token, user, until } = JSON.parse(note) as Grant & { until: number };
    return now < until ? { token, user } : undefined;
  }

  async #hash(code: string): Promise<string> {
    return `code ${Buffer.from(await hmac(this.#key, `code.${code}`)).toString("base64url")}`;
  }
}
