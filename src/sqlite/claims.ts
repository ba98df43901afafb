import type { Database } from "../runtime/runtime.ts";
import { storedTime } from "./time.ts";

/** Names that stay with whoever claimed them, and further ids of sessions. */
export interface ClaimRows {
  /** The session that claimed the name last, alive or not. */
  holder(name: string): string | undefined;
  /** Every name that the session claimed. */
  of(sessionId: string): string[];
  claim(name: string, sessionId: string, at: string): void;
  /** The session that an id of an earlier time stands for. */
  aliasOf(id: string): string | undefined;
  addAlias(alias: string, sessionId: string): void;
  dropAlias(alias: string): void;
}

export function claimRows(db: Database): ClaimRows {
  const holder = db.prepare("SELECT session_id FROM claims WHERE name = $name");
  const of = db.prepare("SELECT name FROM claims WHERE session_id = $sessionId ORDER BY name");
  const claim = db.prepare(`INSERT INTO claims (name, session_id, claimed_at) VALUES ($name, $sessionId, $at)
    ON CONFLICT DO UPDATE SET session_id = $sessionId, claimed_at = $at`);
  const aliasOf = db.prepare("SELECT session_id FROM aliases WHERE alias = $id");
  const addAlias = db.prepare(`INSERT INTO aliases (alias, session_id) VALUES ($alias, $sessionId)
    ON CONFLICT DO UPDATE SET session_id = $sessionId`);
  const dropAlias = db.prepare("DELETE FROM aliases WHERE alias = $alias");
  const text = (value: unknown) => (value === undefined || value === null ? undefined : String(value));
  return {
    holder: (name) => text(holder.get({ name })?.session_id),
    of: (sessionId) => of.all({ sessionId }).map((row) => String(row.name)),
    claim: (name, sessionId, at) => void claim.run({ name, sessionId, at: storedTime(at) }),
    aliasOf: (id) => text(aliasOf.get({ id })?.session_id),
    addAlias: (alias, sessionId) => void addAlias.run({ alias, sessionId }),
    dropAlias: (alias) => void dropAlias.run({ alias }),
  };
}
