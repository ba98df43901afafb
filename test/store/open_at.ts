import type { Store } from "../../src/domain/store.ts";
import { lockDatabase, openStore as openSqlite } from "../../src/sqlite/store.ts";

/** Opens the database of a path, or of a `postgres://` URL. */
export async function openAt(at: string, clock: { now(): number; steady?(): number }): Promise<Store> {
  if (!at.startsWith("postgres://")) return openSqlite(at, lockDatabase(at), clock);
  const { openStore } = await import("../../src/postgres/store.ts");
  return openStore({ url: at, shown: at }, clock);
}
