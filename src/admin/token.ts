import type { Scope } from "../domain/caller.ts";
import { durationOf, type Token, type TokenAdmin, tokenNameProblem } from "../domain/token.ts";
import { UsageError } from "../lib/command.ts";
import type { Json } from "../lib/json.ts";
import { openTokens, type TokenStore } from "../tokens/token_files.ts";
import { addressFor } from "./address.ts";
import { databaseOf, postgresOf } from "./place.ts";
import { expectUser } from "./user.ts";

/** Works on the tokens of a database: files beside it, or a table of it. */
async function withTokens<T>(
  db: string | undefined,
  work: (tokens: TokenAdmin & Partial<Pick<TokenStore, "broken">>) => Promise<T>,
): Promise<T> {
  const server = postgresOf(db);
  if (server === null) return work(openTokens(databaseOf(db), Date.now));
  // The package is loaded only here.
  return (await import("../postgres/index.ts")).withTokens(server, work);
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
  const made = await withTokens(args.db, async (tokens) => tokens.create(args.name, args.scope, expiresInMs));
  if (made === null)
    throw new Error(
      `There is a valid token ${args.name} already. Choose another name, or first: agent-event-bus token revoke ${args.name}`,
    );
  return { ...shown(made.token), token: made.secret, ...(await addressFor(args.db)) };
}

export async function listTokens(args: { db?: string | undefined }): Promise<Json> {
  const [broken, listed] = await withTokens(args.db, async (tokens) => [
    tokens.broken?.() ?? [],
    await tokens.list(),
  ]);
  const result = listed.map(({ state, revoked_at, last_used_at, ...token }) => ({
    ...shown(token),
    ...{ state, revoked_at, last_used_at },
  }));
  const warning = `These files hold no valid token: ${broken.join(", ")}`;
  return { result, ...(broken.length > 0 && { warning }) };
}

/** @throws Error when there is no token of that name. */
export async function revokeToken(args: { name: string; db?: string | undefined }): Promise<Json> {
  const token = await withTokens(args.db, async (tokens) => tokens.revoke(args.name));
  if (token === undefined)
    throw new Error(`There is no token ${args.name}. agent-event-bus token list shows them.`);
  return { success: true, name: token.name, revoked_at: token.revoked_at };
}

function shown({ name, scope, created_at, expires_at }: Omit<Token, "revoked_at">): Json {
  return { name, scope, created_at, expires_at };
}
