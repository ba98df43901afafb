import type { Scope } from "../domain/caller.ts";
import { durationOf, type Token, tokenNameProblem } from "../domain/token.ts";
import { UsageError } from "../lib/command.ts";
import type { Json } from "../lib/json.ts";
import { openTokens, type TokenStore } from "../tokens/token_files.ts";
import { addressFor } from "./address.ts";
import { databaseOf } from "./place.ts";
import { expectUser } from "./user.ts";

function tokensOf(db: string | undefined): TokenStore {
  return openTokens(databaseOf(db), Date.now);
}

/** Makes a token. @throws UsageError for a bad name or time, or Error when a valid token has the name. */
export async function createToken(args: {
  name: string;
  scope: Scope;
  expires?: string | undefined;
  db?: string | undefined;
}): Promise<Json> {
  const problem = tokenNameProblem(args.name);
  if (problem !== null) throw new UsageError(problem);
  const expiresInMs = args.expires === undefined ? null : durationOf(args.expires);
  if (args.expires !== undefined && expiresInMs === null)
    throw new UsageError(
      `--expires takes a time like 90d, 12h, 4w or 1y, at most 100y, not "${args.expires}".`,
    );
  if (args.scope === "answer") await expectUser(`token create ${args.name} --scope answer`);
  const made = tokensOf(args.db).create(args.name, args.scope, expiresInMs);
  if (made === null)
    throw new Error(
      `There is a valid token ${args.name} already. Choose another name, or first: agent-event-bus token revoke ${args.name}`,
    );
  return { ...shown(made.token), token: made.secret, ...(await addressFor(databaseOf(args.db))) };
}

export async function listTokens(args: { db?: string | undefined }): Promise<Json> {
  const tokens = tokensOf(args.db);
  const broken = tokens.broken();
  const result = tokens.list().map(({ state, revoked_at, last_used_at, ...token }) => ({
    ...shown(token),
    ...{ state, revoked_at, last_used_at },
  }));
  const warning = `These files hold no valid token: ${broken.join(", ")}`;
  return { result, ...(broken.length > 0 && { warning }) };
}

/** @throws Error when there is no token of that name. */
export async function revokeToken(args: { name: string; db?: string | undefined }): Promise<Json> {
  const token = tokensOf(args.db).revoke(args.name);
  if (token === undefined)
    throw new Error(`There is no token ${args.name}. agent-event-bus token list shows them.`);
  return { success: true, name: token.name, revoked_at: token.revoked_at };
}

function shown({ name, scope, created_at, expires_at }: Omit<Token, "revoked_at">): Json {
  return { name, scope, created_at, expires_at };
}
