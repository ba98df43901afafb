import { composed } from "../lib/unicode_form.ts";
import type { Database, Statement } from "../runtime/runtime.ts";
import { eitherForm } from "./session_sql.ts";
import { prepared } from "./statements.ts";

const SQL = {
  holder: "SELECT session_id FROM claims WHERE name IN ($text, $other) ORDER BY name = $text DESC LIMIT 1",
  namesOf: "SELECT name FROM claims WHERE session_id = $sessionId ORDER BY name",
  claim: `INSERT INTO claims (name, session_id, claimed_at) VALUES ($name, $sessionId, $at)
    ON CONFLICT DO UPDATE SET session_id = $sessionId, claimed_at = $at`,
  claimOther: "UPDATE claims SET session_id = $sessionId, claimed_at = $at WHERE name = $other",
  aliasOf: "SELECT session_id FROM aliases WHERE alias = $id",
  aliasesOf: "SELECT alias FROM aliases WHERE session_id = $sessionId",
  addAlias: `INSERT INTO aliases (alias, session_id) VALUES ($alias, $sessionId)
    ON CONFLICT DO UPDATE SET session_id = $sessionId`,
  moveAliases: "UPDATE aliases SET session_id = $to WHERE session_id = $from",
  moveClaims: "UPDATE claims SET session_id = $to WHERE session_id = $from",
  dropAlias: "DELETE FROM aliases WHERE alias = $alias",
};

/** Names that sessions claimed for good, and further ids of sessions. For use inside a unit. */
export class ClaimTable {
  readonly #sql: Record<keyof typeof SQL, Statement>;

  constructor(db: Database) {
    this.#sql = prepared(db, SQL);
  }

  /** The session that claimed the name last, alive or not. */
  holder(name: string): string | undefined {
    return this.#sql.holder.get(eitherForm(name))?.session_id as string | undefined;
  }

  namesOf(sessionId: string): string[] {
    const names = this.#sql.namesOf.all({ sessionId }).map((row) => composed(String(row.name)));
    return [...new Set(names)];
  }

  claim(name: string, sessionId: string, at: string): void {
    const { text, other } = eitherForm(name);
    this.#sql.claim.run({ name: text, sessionId, at });
    if (other !== text) this.#sql.claimOther.run({ other, sessionId, at });
  }

  /** The session that an earlier id stands for. */
  aliasOf(id: string): string | undefined {
    return this.#sql.aliasOf.get({ id })?.session_id as string | undefined;
  }

  aliasesOf(sessionId: string): string[] {
    return this.#sql.aliasesOf.all({ sessionId }).map((row) => String(row.alias));
  }

  addAlias(alias: string, sessionId: string): void {
    this.#sql.addAlias.run({ alias, sessionId });
  }

  /** Gives all names and earlier ids of a session to another one, and its id too. */
  moveAll(from: string, to: string): void {
    this.#sql.moveAliases.run({ from, to });
    this.#sql.moveClaims.run({ from, to });
    this.addAlias(from, to);
  }

  dropAlias(alias: string): void {
    this.#sql.dropAlias.run({ alias });
  }
}
