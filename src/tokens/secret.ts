import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import type { Scope } from "../domain/caller.ts";
import { type FoundToken, type MadeToken, type Token, tokenState } from "../domain/token.ts";

/** Makes a token, and its secret. `at`: wall clock (ms). */
export function madeToken(name: string, scope: Scope, expiresInMs: number | null, at: number): MadeToken {
  const secret = `aeb_${randomBytes(32).toString("base64url")}`;
  const token: Token = {
    name,
    scope,
    hash: hashOf(secret).toString("hex"),
    created_at: new Date(at).toISOString(),
    expires_at: expiresInMs === null ? null : new Date(at + expiresInMs).toISOString(),
    revoked_at: null,
  };
  return { token, secret };
}

/** The token of a secret. Undefined if it is not one of these. Takes the same time for any wrong secret. */
export function findIn(tokens: readonly Token[], secret: string, now: number): FoundToken | undefined {
  const hash = hashOf(secret);
  const isOf = (token: Token) => timingSafeEqual(hash, Buffer.from(token.hash, "hex"));
  const token = tokens.filter(isOf).at(-1);
  return token === undefined ? undefined : { token, state: tokenState(token, now) };
}

function hashOf(secret: string): Buffer {
  return createHash("sha256").update(secret).digest();
}
