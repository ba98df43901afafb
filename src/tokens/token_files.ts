import * as fs from "node:fs";
import { join } from "node:path";
import { SCOPES, type Scope } from "../domain/caller.ts";
import {
  type EndingToken,
  endingOf,
  type FoundToken,
  holdsAmong,
  type ListedToken,
  type MadeToken,
  type Token,
  type TokenAdmin,
  type Tokens,
  tokenNameProblem,
  tokenState,
} from "../domain/token.ts";
import { attempt } from "../lib/attempt.ts";
import { restrict } from "../lib/permissions.ts";
import { syncFolder } from "../lib/sync_folder.ts";
import { findIn, madeToken } from "./secret.ts";

// One file for each token, in a folder beside the database. A user who may write there may let others in. Nobody can
// over the network. Commands change the files whether the bus runs or not, and a running bus sees that at its next request.

const SUFFIX = ".json";
const USED_MS = 60_000;
/** Two changes within one tick of a coarse file clock look like one, so a folder that has just changed is read again. */
const SETTLED_MS = 2_000;
/** A file that is edited by hand does not change the folder's time. */
const READ_AGAIN_MS = 1_000;
/** Ten times the size of a token's file. */
const MOST_BYTES = 4_096;

/**
 * Opens the tokens of a database. `steady` never jumps: a clock that is set back must not hide uses. `tell` is called with
 * each file that is not a token, once as long as it stays so.
 */
export function openTokens(
  db: string,
  now: () => number,
  steady = now,
  tell: (file: string) => void = () => {},
): TokenStore {
  return new TokenStore(`${db}.tokens`, now, steady, tell);
}

/** The files of a database's tokens. */
export function tokenFiles(db: string): string[] {
  const folder = `${db}.tokens`;
  return openTokens(db, Date.now)
    .list()
    .map(({ name }) => fileOf(folder, name));
}

interface Contents {
  tokens: Token[];
  broken: string[];
}

/** Every method throws the file system's error when the folder, not one file in it, cannot be read or written. */
export class TokenStore implements Tokens, TokenAdmin {
  readonly #folder: string;
  readonly #now: () => number;
  readonly #steady: () => number;
  readonly #tell: (file: string) => void;
  #told: readonly string[] = [];
  #known: (Contents & { changed: number; readAt: number }) | undefined;
  /** When a use of a token was last noted, by its hash. */
  readonly #used = new Map<string, number>();

  constructor(folder: string, now: () => number, steady: () => number, tell: (file: string) => void) {
    this.#folder = folder;
    this.#now = now;
    this.#steady = steady;
    this.#tell = tell;
  }

  /** All tokens, by name. */
  list(): ListedToken[] {
    return this.#read().tokens.map((token) => ({
      ...token,
      state: tokenState(token, this.#now()),
      last_used_at: lastUsed(this.#folder, token),
    }));
  }

  /** Valid tokens that will expire, by name. */
  ending(): EndingToken[] {
    return endingOf(this.#read().tokens, this.#now());
  }

  /** Files in the folder that are not a token. */
  broken(): string[] {
    return this.#read().broken;
  }

  /** Makes a token and returns its secret, the only time it is seen. Null if a valid token has that name. */
  create(name: string, scope: Scope, expiresInMs: number | null): MadeToken | null {
    const { tokens, broken } = readAll(this.#folder);
    const at = this.#now();
    const earlier = tokens.find((token) => token.name === name);
    if (earlier !== undefined && tokenState(earlier, at) === "valid") return null;
    const made = madeToken(name, scope, expiresInMs, at);
    const isFresh = earlier === undefined && !broken.includes(fileOf(this.#folder, name));
    try {
      write(this.#folder, made.token, at, isFresh);
      return made;
    } catch (error) {
      // Another process made a token of that name meanwhile.
      if ((error as NodeJS.ErrnoException).code === "EEXIST") return null;
      throw error;
    }
  }

  /** Keeps a token of another database as it is. */
  keep(token: Omit<ListedToken, "state">): void {
    const { last_used_at, ...kept } = token;
    write(this.#folder, kept, Date.parse(last_used_at ?? token.created_at), true);
  }

  /** Revokes a token and returns it. Undefined if there is no token of that name. */
  revoke(name: string): Token | undefined {
    const token = readAll(this.#folder).tokens.find((known) => known.name === name);
    if (token === undefined || token.revoked_at !== null) return token;
    const revoked = { ...token, revoked_at: new Date(this.#now()).toISOString() };
    write(this.#folder, revoked, fs.statSync(fileOf(this.#folder, name)).mtimeMs, false);
    return revoked;
  }

  /** The token of a secret. Undefined if it is not one of these. Takes the same time for any wrong secret. */
  find(secret: string): FoundToken | undefined {
    const found = findIn(this.#read().tokens, secret, this.#now());
    if (found?.state === "valid") this.#noteUse(found.token);
    return found;
  }

  /** True while there is a valid token with this hash. */
  holds(hash: string): boolean {
    return holdsAmong(this.#read().tokens, hash, this.#now());
  }

  #read(): Contents {
    const changed = changedAt(this.#folder);
    const isSettled = this.#known?.changed === changed && this.#now() - changed > SETTLED_MS;
    if (this.#known === undefined || !isSettled || this.#steady() - this.#known.readAt >= READ_AGAIN_MS) {
      this.#known = { ...readAll(this.#folder), changed, readAt: this.#steady() };
      this.#tellOf(this.#known.broken);
    }
    return this.#known;
  }

  #tellOf(broken: readonly string[]): void {
    for (const file of broken) if (!this.#told.includes(file)) this.#tell(file);
    this.#told = broken;
  }

  #noteUse({ name, hash }: Token): void {
    if (this.#steady() - (this.#used.get(hash) ?? Number.NEGATIVE_INFINITY) < USED_MS) return;
    this.#used.set(hash, this.#steady());
    const at = new Date(this.#now());
    fs.utimes(fileOf(this.#folder, name), at, at, () => {});
  }
}

function fileOf(folder: string, name: string): string {
  return join(folder, `${name}${SUFFIX}`);
}

/** The folder's time of change (ms), or -1 if there is no folder. */
function changedAt(folder: string): number {
  const found = fs.statSync(folder, { throwIfNoEntry: false });
  return found?.isDirectory() ? found.mtimeMs : -1;
}

function readAll(folder: string): Contents {
  const tokens: Token[] = [];
  const broken: string[] = [];
  if (changedAt(folder) === -1) return { tokens, broken };
  for (const file of fs.readdirSync(folder).sort()) {
    if (!file.endsWith(SUFFIX)) continue;
    const path = join(folder, file);
    const token = parse(textOf(path));
    if (token !== undefined && fileOf(folder, token.name) === path) tokens.push(token);
    else broken.push(path);
  }
  return { tokens, broken };
}

/** Errors of the whole process, which tell nothing about a file. */
const PASSING = ["EMFILE", "ENFILE", "ENOMEM", "EAGAIN"];

/** Empty if the file cannot be read, or is too large for a token. Reading a pipe would never end. */
function textOf(path: string): string {
  try {
    const found = fs.statSync(path);
    return found.isFile() && found.size <= MOST_BYTES ? fs.readFileSync(path, "utf8") : "";
  } catch (error) {
    if (PASSING.includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
    return "";
  }
}

function parse(text: string): Token | undefined {
  const token = attempt(() => JSON.parse(text));
  const isTime = (value: unknown) => typeof value === "string" && !Number.isNaN(Date.parse(value));
  const isWhole =
    typeof token?.name === "string" &&
    tokenNameProblem(token.name) === null &&
    SCOPES.includes(token.scope) &&
    typeof token.hash === "string" &&
    /^[0-9a-f]{64}$/.test(token.hash) &&
    isTime(token.created_at) &&
    [token.expires_at, token.revoked_at].every((time) => time === null || isTime(time));
  return isWhole ? token : undefined;
}

/** Writes a token whole or not at all. The file's time says when the token was last used. */
function write(folder: string, token: Token, usedAt: number, fresh: boolean): void {
  fs.mkdirSync(folder, { recursive: true, mode: 0o700 });
  restrict(folder, 0o700);
  const partial = join(folder, `.${token.name}.${process.pid}`);
  try {
    const text = `${JSON.stringify(token, null, 2)}\n`;
    fs.writeFileSync(partial, text, { mode: 0o600, flag: "wx", flush: true });
    fs.utimesSync(partial, usedAt / 1000, usedAt / 1000);
    // Unlike a rename, a link does not replace the file of another process.
    if (fresh) fs.linkSync(partial, fileOf(folder, token.name));
    else fs.renameSync(partial, fileOf(folder, token.name));
    syncFolder(folder);
  } finally {
    fs.rmSync(partial, { force: true });
  }
}

/** When a token last opened the bus, to the minute. Null if it never did. */
function lastUsed(folder: string, token: Token): string | null {
  const used = fs.statSync(fileOf(folder, token.name), { throwIfNoEntry: false })?.mtimeMs ?? 0;
  return Math.abs(used - Date.parse(token.created_at)) > 1 ? new Date(used).toISOString() : null;
}
