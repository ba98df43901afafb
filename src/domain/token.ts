import type { Scope } from "./caller.ts";
import { isPersonsName } from "./person.ts";

/** A token as it is stored, without its secret. Times are RFC 3339, UTC. */
export interface Token {
  name: string;
  scope: Scope;
  /** SHA-256 of the token, hex. */
  hash: string;
  created_at: string;
  expires_at: string | null;
  revoked_at: string | null;
}

/** A valid token that will expire. */
export interface EndingToken {
  name: string;
  expires_at: string;
}

export type TokenState = "valid" | "expired" | "revoked";

export interface FoundToken {
  token: Token;
  state: TokenState;
}

export interface ListedToken extends Token {
  state: TokenState;
  last_used_at: string | null;
}

/** The tokens of a bus, as it asks for them at each request. */
export interface Tokens {
  /** All tokens, by name. */
  list(): ListedToken[];
  /** Valid tokens that will expire, by name. */
  ending(): EndingToken[];
  /** The token of a secret. Undefined if it is not one of these. */
  find(secret: string): FoundToken | undefined | Promise<FoundToken | undefined>;
  /** True while there is a valid token with this hash. */
  holds(hash: string): boolean;
}

/** The tokens of a bus, as commands change them. */
export interface TokenAdmin {
  list(): ListedToken[] | Promise<ListedToken[]>;
  /** Makes a token and returns its secret, the only time it is seen. Null if a valid token has that name. */
  create(
    name: string,
    scope: Scope,
    expiresInMs: number | null,
  ): MadeToken | null | Promise<MadeToken | null>;
  /** Revokes a token and returns it. Undefined if there is no token of that name. */
  revoke(name: string): Token | undefined | Promise<Token | undefined>;
}

export interface MadeToken {
  token: Token;
  secret: string;
}

export function tokenState(token: Token, now: number): TokenState {
  if (token.revoked_at !== null) return "revoked";
  return token.expires_at !== null && Date.parse(token.expires_at) <= now ? "expired" : "valid";
}

/** Valid tokens that will expire. */
export function endingOf(tokens: readonly Token[], now: number): EndingToken[] {
  return tokens.flatMap((token) => {
    const { name, expires_at } = token;
    return expires_at !== null && tokenState(token, now) === "valid" ? [{ name, expires_at }] : [];
  });
}

/** True if there is a valid token with this hash. */
export function holdsAmong(tokens: readonly Token[], hash: string, now: number): boolean {
  return tokens.some((token) => token.hash === hash && tokenState(token, now) === "valid");
}

const NAME = /^[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?$/;
/** Origins that cannot be names. */
export const RESERVED: readonly string[] = ["local", "unverified", "bus", "anonymous", "person", "human"];

/** The problem with a token's name, as a sentence. Null if it may be used. A login holds an @, a name never does. */
export function tokenNameProblem(name: string): string | null {
  if (RESERVED.includes(name) || isPersonsName(name))
    return `The name "${name}" is reserved. Choose another.`;
  return NAME.test(name)
    ? null
    : `"${name}" is not a valid token name. Use 1 to 64 of a-z, 0-9, ".", "_" and "-", like laptop or ci-web.`;
}

const UNITS = {
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
  y: 31_536_000_000,
} as const;

/** Reads `90d`, `12h` … as ms. Null if it is malformed or longer than 100 years. */
export function durationOf(text: string): number | null {
  const [, count, unit] = /^([1-9]\d{0,7})([smhdwy])$/.exec(text) ?? [];
  const ms = Number(count) * UNITS[unit as keyof typeof UNITS];
  return ms <= 100 * UNITS.y ? ms : null;
}
