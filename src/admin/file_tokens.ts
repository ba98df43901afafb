import { existsSync, renameSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { type Contents, type Receiver, type Row, TABLES, type Table } from "../domain/moving.ts";
import type { ListedToken } from "../domain/token.ts";
import { namesIn } from "../lib/permissions.ts";
import { syncFolder } from "../lib/sync_folder.ts";
import { openTokens } from "../tokens/token_files.ts";

// Beside a file, tokens are files. A move reads and writes them as the table that other engines have.

/** The contents of a database file with the tokens beside it. */
export function withTokenFiles<C extends Contents>(contents: C, db: string): C {
  const listed = () => openTokens(db, Date.now).list();
  return {
    ...contents,
    size: async (table: Table) => (isOfTokens(table) ? listed().length : contents.size(table)),
    rows: (table: Table) => (isOfTokens(table) ? rowsOf(table, listed()) : contents.rows(table)),
  };
}

/** The same of a database that is filled. */
export function keepingTokens(receiver: Receiver, db: string): Receiver {
  const tokens = openTokens(db, Date.now);
  return {
    ...withTokenFiles(receiver, db),
    async add(table, rows) {
      if (!isOfTokens(table)) return receiver.add(table, rows);
      for (const row of rows) tokens.keep(tokenOf(table, row));
    },
  };
}

/** Gives the tokens of a database to another path. What is there has to be the same. */
export function renameTokens(from: string, to: string): void {
  if (!existsSync(`${from}.tokens`)) return;
  rmSync(`${to}.tokens`, { recursive: true, force: true });
  renameSync(`${from}.tokens`, `${to}.tokens`);
  syncFolder(dirname(to));
}

/** @throws Error when there are tokens at a path that are not those of `contents`. A killed move may have left the same. */
export async function expectNoOtherTokens(contents: Contents, db: string): Promise<void> {
  const own = new Map<string, string>();
  for (const table of TABLES.filter(isOfTokens))
    for await (const rows of contents.rows(table))
      for (const { name, hash } of rows.map((row) => tokenOf(table, row))) own.set(name, hash);
  const found = openTokens(db, Date.now).list();
  const isOurs =
    found.every(({ name, hash }) => own.get(name) === hash) &&
    namesIn(`${db}.tokens`).filter((name) => name.endsWith(".json")).length === found.length;
  if (!isOurs)
    throw new Error(`${db}.tokens holds tokens of another bus. Move that folder away, or give another name.`);
}

function isOfTokens({ name }: Table): boolean {
  return name === "tokens";
}

async function* rowsOf({ columns }: Table, tokens: readonly ListedToken[]): AsyncGenerator<readonly Row[]> {
  const rows = tokens.map((token) =>
    Object.entries(columns).map(([column, kind]) => {
      const value = token[column as keyof ListedToken];
      return kind === "time" && value !== null ? new Date(value).toISOString() : value;
    }),
  );
  if (rows.length > 0) yield rows;
}

function tokenOf({ columns }: Table, row: Row): Omit<ListedToken, "state"> {
  const named = Object.fromEntries(Object.keys(columns).map((column, i) => [column, row[i]]));
  return named as unknown as Omit<ListedToken, "state">;
}
