import { join } from "node:path";
import { openTokens } from "../../src/tokens/token_files.ts";
import { tempFolder } from "./folder.ts";

export const START = Date.parse("2026-03-01T12:00:00Z");
export const MINUTE = 60_000;

/** A token store whose clock stands, and another one on the same folder, as another process has it. */
export function aStore() {
  const db = join(tempFolder(), "data.db");
  const clock = { now: START };
  const folder = `${db}.tokens`;
  return {
    db,
    clock,
    folder,
    store: openTokens(db, () => clock.now),
    another: openTokens(db, () => clock.now),
  };
}

export function secretOf(made: { secret: string } | null): string {
  if (made === null) throw new Error("no token was made");
  return made.secret;
}
