import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import {
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimes,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { SCOPES, type Scope } from "../domain/caller.ts";
import { type Token, type TokenState, tokenNameProblem, tokenState } from "../domain/token.ts";
import { restrict } from "../lib/permissions.ts";
import { syncFolder } from "../sqlite/backup.ts";

// One file for each token, in a folder beside the database: whoever may write there may let others in, and nobody can
// over the network. Commands change the files whether the bus runs or not; a running bus sees it at its next request.

/** A token as it is listed. */
export interface ListedToken extends Token {
  state: TokenState;
  /** When it last opened the bus, to the minute; null when it never did. */
  last_used_at: string | null;
}

export interface TokenStore {
  /** Ordered by name. */
  list(): ListedToken[];
  /** Makes a token and returns it, the only time it is seen. Null when a valid one has that name, or gets it meanwhile. */
  create(name: string, scope: Scope, expiresInMs: number | null): { token: Token; secret: string } | null;
  /** The token as it is then; undefined when there is none of that name. */
  revoke(name: string): Token | undefined;
  /** The token of a secret with its state; undefined when it is none of ours. Takes the same time for any wrong one. */
  find(secret: string): { token: Token; state: TokenState } | undefined;
  /** True while there is a valid token with this hash. */
  holds(hash: string): boolean;
  /** Files in the folder that are no token. */
  broken(): string[];
}

const PREFIX = "aeb_";
const SECRET_BYTES = 32;
const SUFFIX = ".json";
const USED_MS = 60_000;
/** Two changes within one tick of a coarse file clock look like one: what was read so soon after a change is read again. */
const SETTLED_MS = 2_000;
/** What is written into a file by hand does not change the folder's time. */
const READ_AGAIN_MS = 1_000;
/** A token's file is a tenth of it. */
const MOST_BYTES = 4_096;

export function tokensFolder(db: string): string {
  return `${db}.tokens`;
}

/**
 * The tokens of a database. Throws the file system's error when the folder cannot be read or written. `steady` never
 * jumps: a clock that is set back must not hide uses until it has caught up.
 */
export function openTokens(db: string, now: () => number, steady: () => number = now): TokenStore {
  const folder = tokensFolder(db);
  let known: { tokens: Token[]; broken: string[]; changed: number; readAt: number } | undefined;
  const used = new Map<string, number>();

  function read(): { tokens: Token[]; broken: string[] } {
    const changed = changedAt(folder);
    const settled = known?.changed === changed && now() - changed > SETTLED_MS;
    if (known === undefined || !settled || steady() - known.readAt >= READ_AGAIN_MS)
      known = { ...readAll(folder), changed, readAt: steady() };
    return known;
  }

  function noteUse(token: Token): void {
    if (steady() - (used.get(token.hash) ?? Number.NEGATIVE_INFINITY) < USED_MS) return;
    used.set(token.hash, steady());
    const at = new Date(now());
    utimes(fileOf(folder, token.name), at, at, () => {});
  }

  return {
    list: () =>
      read().tokens.map((token) => ({
        ...token,
        state: tokenState(token, now()),
        last_used_at: lastUsed(folder, token),
      })),
    broken: () => read().broken,
    create(name, scope, expiresInMs) {
      const { tokens, broken } = readAll(folder);
      const earlier = tokens.find((token) => token.name === name);
      if (earlier !== undefined && tokenState(earlier, now()) === "valid") return null;
      const secret = `${PREFIX}${randomBytes(SECRET_BYTES).toString("base64url")}`;
      const at = now();
      const token: Token = {
        name,
        scope,
        hash: hashOf(secret).toString("hex"),
        created_at: new Date(at).toISOString(),
        expires_at: expiresInMs === null ? null : new Date(at + expiresInMs).toISOString(),
        revoked_at: null,
      };
      const fresh = earlier === undefined && !broken.includes(fileOf(folder, name));
      try {
        write(folder, token, Date.parse(token.created_at), fresh);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "EEXIST") return null;
        throw error;
      }
      return { token, secret };
    },
    revoke(name) {
      const token = readAll(folder).tokens.find((known) => known.name === name);
      if (token === undefined || token.revoked_at !== null) return token;
      const revoked = { ...token, revoked_at: new Date(now()).toISOString() };
      write(folder, revoked, statSync(fileOf(folder, name)).mtimeMs, false);
      return revoked;
    },
    find(secret) {
      const hash = hashOf(secret);
      let found: Token | undefined;
      for (const token of read().tokens)
        if (timingSafeEqual(hash, Buffer.from(token.hash, "hex"))) found = token;
      if (found === undefined) return undefined;
      const state = tokenState(found, now());
      if (state === "valid") noteUse(found);
      return { token: found, state };
    },
    holds: (hash) =>
      read().tokens.some((token) => token.hash === hash && tokenState(token, now()) === "valid"),
  };
}

function hashOf(secret: string): Buffer {
  return createHash("sha256").update(secret).digest();
}

function fileOf(folder: string, name: string): string {
  return join(folder, `${name}${SUFFIX}`);
}

/** -1 while there is no folder. */
function changedAt(folder: string): number {
  const found = statSync(folder, { throwIfNoEntry: false });
  return found?.isDirectory() ? found.mtimeMs : -1;
}

function readAll(folder: string): { tokens: Token[]; broken: string[] } {
  const tokens: Token[] = [];
  const broken: string[] = [];
  if (changedAt(folder) === -1) return { tokens, broken };
  for (const file of readdirSync(folder).sort()) {
    if (!file.endsWith(SUFFIX)) continue;
    const path = join(folder, file);
    const token = parse(textOf(path));
    if (token !== undefined && fileOf(folder, token.name) === path) tokens.push(token);
    else broken.push(path);
  }
  return { tokens, broken };
}

/** Empty if there is no file that can be read, or if it is too large for a token. Reading a pipe would never end. */
function textOf(path: string): string {
  const found = statSync(path, { throwIfNoEntry: false });
  if (!found?.isFile() || found.size > MOST_BYTES) return "";
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (["ENOENT", "EACCES"].includes((error as NodeJS.ErrnoException).code ?? "")) return "";
    throw error;
  }
}

function parse(text: string): Token | undefined {
  try {
    const token = JSON.parse(text);
    const time = (value: unknown) => typeof value === "string" && !Number.isNaN(Date.parse(value));
    const whole =
      typeof token.name === "string" &&
      tokenNameProblem(token.name) === null &&
      SCOPES.includes(token.scope) &&
      /^[0-9a-f]{64}$/.test(token.hash) &&
      time(token.created_at) &&
      (token.expires_at === null || time(token.expires_at)) &&
      (token.revoked_at === null || time(token.revoked_at));
    return whole ? token : undefined;
  } catch {
    return undefined;
  }
}

/** Whole or not at all; the file's time says when the token was last used. */
function write(folder: string, token: Token, usedAt: number, fresh: boolean): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  restrict(folder, 0o700);
  const partial = join(folder, `.${token.name}.${process.pid}`);
  try {
    writeFileSync(partial, `${JSON.stringify(token, null, 2)}\n`, { mode: 0o600, flag: "wx", flush: true });
    utimesSync(partial, usedAt / 1000, usedAt / 1000);
    if (fresh) {
      // Unlike a rename, a link does not replace what another process has made meanwhile.
      linkSync(partial, fileOf(folder, token.name));
      rmSync(partial);
    } else renameSync(partial, fileOf(folder, token.name));
    syncFolder(folder);
  } catch (error) {
    rmSync(partial, { force: true });
    throw error;
  }
}

function lastUsed(folder: string, token: Token): string | null {
  const used = statSync(fileOf(folder, token.name), { throwIfNoEntry: false })?.mtimeMs ?? 0;
  return Math.abs(used - Date.parse(token.created_at)) > 1 ? new Date(used).toISOString() : null;
}
