import type { Scope } from "../domain/caller.ts";
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
  tokenState,
} from "../domain/token.ts";
import { findIn, madeToken } from "../tokens/secret.ts";
import { CHANNEL } from "./announcement.ts";
import { type Connection, type Row, statements } from "./connection.ts";

const COLUMNS = "name, scope, hash, created_at, expires_at, revoked_at, last_used_at";
/** Every bus reads the tokens again when it is told of something that names no bus. */
const TOLD = `told AS (SELECT pg_notify('${CHANNEL}', '{"tokens":true}') FROM changed)`;

const SQL = statements({
  list: `SELECT ${COLUMNS} FROM tokens ORDER BY name`,
  // A name is free again once its token has ended.
  create: `WITH changed AS (
      INSERT INTO tokens (name, scope, hash, created_at, expires_at) VALUES ($name, $scope, $hash, $createdAt, $expiresAt)
      ON CONFLICT (name) DO UPDATE SET scope = excluded.scope, hash = excluded.hash, created_at = excluded.created_at,
        expires_at = excluded.expires_at, revoked_at = NULL, last_used_at = NULL
        WHERE tokens.revoked_at IS NOT NULL OR tokens.expires_at <= $createdAt
      RETURNING name), ${TOLD}
    SELECT changed.name FROM changed, told`,
  revoke: `WITH changed AS (UPDATE tokens SET revoked_at = coalesce(revoked_at, $at) WHERE name = $name RETURNING ${COLUMNS}), ${TOLD}
    SELECT changed.* FROM changed, told`,
  used: "UPDATE tokens SET last_used_at = $at WHERE hash = $hash",
});

const USED_MS = 60_000;

/** Changes the tokens of a database. */
export class TokenTable implements TokenAdmin {
  readonly #connection: Connection;
  readonly #now: () => number;

  constructor(connection: Connection, now: () => number) {
    this.#connection = connection;
    this.#now = now;
  }

  async list(): Promise<ListedToken[]> {
    return (await this.#connection.run(SQL.list)).map((row) => listed(row, this.#now()));
  }

  async create(name: string, scope: Scope, expiresInMs: number | null): Promise<MadeToken | null> {
    const made = madeToken(name, scope, expiresInMs, this.#now());
    const { hash, created_at: createdAt, expires_at: expiresAt } = made.token;
    const { count } = await this.#connection.run(SQL.create, { name, scope, hash, createdAt, expiresAt });
    return count > 0 ? made : null;
  }

  async revoke(name: string): Promise<Token | undefined> {
    const at = new Date(this.#now()).toISOString();
    const [row] = await this.#connection.run(SQL.revoke, { name, at });
    return row === undefined ? undefined : listed(row, this.#now());
  }
}

/**
 * The tokens of a database, as this process last read them. A bus that cannot read them again cannot read anything else
 * there for a caller either.
 */
export class KnownTokens implements Tokens {
  readonly #connection: Connection;
  readonly #now: () => number;
  #rows: readonly Row[] = [];
  #reading: Promise<void> = Promise.resolve();
  #next: Promise<void> | undefined;
  /** When a use of a token was last noted, by its hash. */
  readonly #used = new Map<string, number>();

  constructor(connection: Connection, now: () => number) {
    this.#connection = connection;
    this.#now = now;
  }

  /** Reads them again. Reads that are asked for while one is under way are one read after it. */
  async read(): Promise<void> {
    this.#next ??= this.#reading.then(() => {
      this.#next = undefined;
      const read = this.#connection.run(SQL.list).then((rows) => {
        this.#rows = rows;
      });
      this.#reading = read.catch(() => {});
      return read;
    });
    await this.#next;
  }

  list(): ListedToken[] {
    return this.#rows.map((row) => listed(row, this.#now()));
  }

  ending(): EndingToken[] {
    return endingOf(this.list(), this.#now());
  }

  /** One that was made a moment ago may not be known here yet. */
  find(secret: string): FoundToken | Promise<FoundToken | undefined> {
    return (
      this.#found(secret) ??
      this.read().then(
        () => this.#found(secret),
        () => undefined,
      )
    );
  }

  holds(hash: string): boolean {
    return holdsAmong(this.list(), hash, this.#now());
  }

  #found(secret: string): FoundToken | undefined {
    const found = findIn(this.list(), secret, this.#now());
    if (found?.state === "valid") this.#noteUse(found.token.hash);
    return found;
  }

  #noteUse(hash: string): void {
    const at = performance.now();
    if (at - (this.#used.get(hash) ?? Number.NEGATIVE_INFINITY) < USED_MS) return;
    this.#used.set(hash, at);
    const used = { hash, at: new Date(this.#now()).toISOString() };
    // Losing a note costs nothing.
    this.#connection.run(SQL.used, used).catch(() => {});
  }
}

function listed(row: Row, now: number): ListedToken {
  const token = row as unknown as Token & { last_used_at: string | null };
  return { ...token, state: tokenState(token, now) };
}
