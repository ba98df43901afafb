import { hmac } from "../lib/hmac.ts";

/** The login that a code gives. */
export interface Grant {
  /** Hash of the token that asked for the code. The login ends with it. */
  token: string | undefined;
  /** The only user of this machine who may use the code, besides root. Undefined if any browser may. */
  user: number | undefined;
}

/** Time for which a code works (ms). */
export const CODE_MS = 60_000;
const MOST = 100;

/** Codes that sign a browser in to the page, once each. Kept as hashes. */
export class PageCodes {
  readonly #key = crypto.getRandomValues(new Uint8Array(32));
  readonly #grants = new Map<string, Grant & { until: number }>();

  /** Makes a code of 128 random bits. `now` is wall time (ms). Drops the oldest of more than 100. */
  async make(grant: Grant, now: number): Promise<{ code: string; until: number }> {
    const code = Buffer.from(crypto.getRandomValues(new Uint8Array(16))).toString("base64url");
    const until = now + CODE_MS;
    this.#grants.set(await this.#hash(code), { ...grant, until });
    for (const oldest of this.#grants.keys()) if (this.#grants.size > MOST) this.#grants.delete(oldest);
    return { code, until };
  }

  /** Uses a code up. Undefined if it is unknown, used or expired. */
  async take(code: string, now: number): Promise<Grant | undefined> {
    const hash = await this.#hash(code);
    const grant = this.#grants.get(hash);
    this.#grants.delete(hash);
    return grant !== undefined && now < grant.until ? grant : undefined;
  }

  async #hash(code: string): Promise<string> {
    return Buffer.from(await hmac(this.#key, code)).toString("base64url");
  }
}
