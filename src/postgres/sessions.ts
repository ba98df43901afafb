import type { WakeSetting } from "../domain/attention.ts";
import type { Machine } from "../domain/machine.ts";
import { LONGEST_LEASE_MS, type Session } from "../domain/session.ts";
import type { Batch, EventQuery, Report, Sessions } from "../domain/store.ts";
import type { ProcessMark } from "../lib/process.ts";
import { composed, formsOf } from "../lib/unicode_form.ts";
import type { Connection, Named, Statement } from "./connection.ts";
import type { MailTable } from "./direct_messages.ts";
import type { EventTable } from "./events.ts";
import { type Parts, Table } from "./parts.ts";
import { machineParams, nameParams, SQL, sessionOfRow, statedOf } from "./session_sql.ts";

/** How often heartbeats of the future are looked for. A clock that was set back for less expires no session. */
const SETTLE_MS = 24 * 60 * 60 * 1000;

export interface SessionParts extends Parts {
  events: EventTable;
  mail: MailTable;
}

/** Registered sessions. */
export class SessionTable extends Table<SessionParts> implements Sessions {
  #settledAt = Number.NEGATIVE_INFINITY;

  async get(id: string): Promise<Session | undefined> {
    return (await this.rows(SQL.byAnyId, { id })).map(sessionOfRow)[0];
  }

  async byClient(machine: Machine, clientId: string, pid?: number): Promise<Session | undefined> {
    return (await this.rows(SQL.byClient, { ...machineParams(machine), clientId, pid })).map(sessionOfRow)[0];
  }

  async ofClient(clientId: string): Promise<Session[]> {
    return (await this.rows(SQL.ofClient, { clientId })).map(sessionOfRow);
  }

  async byProcess(
    machine: Machine,
    { pid, started }: ProcessMark,
    watcher?: string,
  ): Promise<Session | undefined> {
    return (await this.rows(SQL.byProcess, { ...machineParams(machine), pid, started, watcher })).map(
      sessionOfRow,
    )[0];
  }

  namedLike(text: string): Promise<Session[]> {
    return this.reading((connection) => findNamed(connection, text));
  }

  async idsOf(text: string): Promise<string[]> {
    const ids = (await this.rows(SQL.idsOf, nameParams(text))).map(({ id }) => String(id));
    const aliases = (await this.rows(SQL.aliasesOf, { ids })).map(({ alias }) => String(alias));
    return [...new Set([...ids, ...aliases])];
  }

  /**
   * Sets heartbeats of the future to now, and their leases with them. Otherwise, a session that a wrong clock left behind would
   * live until that day.
   */
  async settle(): Promise<void> {
    this.#settledAt = this.parts.steady();
    const [at, lease] = [this.at(), new Date(this.parts.now() + LONGEST_LEASE_MS).toISOString()];
    if ((await this.rows(SQL.ahead, { at })).count === 0) return;
    await this.parts.writer.write(async (transaction) => {
      await transaction.run(SQL.settle, { at, lease });
    });
  }

  async present(since: string): Promise<Session[]> {
    // The write may be tried again a day later.
    if (this.parts.steady() - this.#settledAt >= SETTLE_MS) void this.settle().catch(() => {});
    const [present, silent] = await Promise.all([
      this.rows(SQL.present, { since }),
      this.rows(SQL.silent, { since }),
    ]);
    return [...present, ...silent].map(sessionOfRow);
  }

  async recent(limit: number): Promise<Session[]> {
    return (await this.rows(SQL.recent, { limit })).map(sessionOfRow);
  }

  async repos(limit: number): Promise<string[]> {
    return (await this.rows(SQL.repos, { limit })).map(({ repo }) => composed(String(repo)));
  }

  async holder(name: string): Promise<Session | undefined> {
    return (await this.rows(SQL.holder, nameParams(name))).map(sessionOfRow)[0];
  }

  async claimsOf(sessionId: string): Promise<string[]> {
    return (await this.claimsOfAll([sessionId])).get(sessionId) ?? [];
  }

  async claimsOfAll(sessionIds: readonly string[]): Promise<Map<string, string[]>> {
    const names = new Map<string, string[]>(sessionIds.map((id) => [id, []]));
    for (const { session_id, name } of await this.rows(SQL.namesOf, { ids: sessionIds }))
      names.get(String(session_id))?.push(composed(String(name)));
    for (const [id, all] of names) names.set(id, [...new Set(all)]);
    return names;
  }

  claim(name: string, sessionId: string, holderId: string | undefined): Promise<boolean> {
    const { mail, writer } = this.parts;
    return writer.write(async (transaction) => {
      const [holder] = (await transaction.run(SQL.holder, nameParams(name))).map(sessionOfRow);
      if (holder?.session_id !== holderId) return false;
      const claim = { ...nameParams(name), sessionId, at: this.at() };
      await transaction.run(SQL.claim, claim);
      await transaction.run(SQL.claimForms, claim);
      if (holderId !== undefined && holderId !== sessionId)
        await mail.forward(transaction, holderId, sessionId);
      for (const form of formsOf(name)) await mail.forward(transaction, `@${form}`, sessionId);
      return true;
    });
  }

  touch(id: string): Promise<void> {
    return this.#change(SQL.touch, () => ({ id, at: this.at() }));
  }

  report(id: string, { branch, machine, works, readMsAgo, ...stated }: Report): Promise<void> {
    return this.#change(SQL.report, () => {
      const now = this.parts.now();
      const marks = {
        workedAt: works ? now : null,
        readUntil: readMsAgo === undefined ? null : Math.max(0, now - readMsAgo),
      };
      const where = { branch, machine: machine?.name, machineId: machine?.id };
      return { id, ...stated, at: this.at(), ...where, ...marks };
    });
  }

  attend(id: string, wake: WakeSetting | null | undefined, mutedUntil?: number): Promise<void> {
    return this.#change(SQL.attend, () => ({ id, wake, keepsWake: wake === undefined, mutedUntil }));
  }

  carry(id: string, until: number): Promise<void> {
    return this.#change(SQL.carry, () => ({ id, until }));
  }

  consume(sessionId: string, resume: boolean, query: EventQuery): Promise<Batch> {
    const { events, mail, writer } = this.parts;
    return writer.write(async (transaction) => {
      const [session] = (await transaction.run(SQL.find, { id: sessionId })).map(sessionOfRow);
      const after = resume ? (session?.cursor ?? undefined) : query.after;
      const batch = await events.select(transaction, { ...query, after });
      if (session !== undefined && batch.highest > 0) {
        await transaction.run(SQL.advance, { id: sessionId, cursor: batch.highest });
        const lowest = Math.min(batch.events[0]?.id ?? 0, batch.events.at(-1)?.id ?? 0);
        await mail.seeRange(transaction, sessionId, lowest, batch.highest);
      }
      return batch;
    });
  }

  saveTip(sessionId: string): Promise<number> {
    return this.parts.writer.write(async (transaction) => {
      await transaction.run(SQL.saveCursor, { id: sessionId, cursor: transaction.last });
      return transaction.last;
    });
  }

  advanceCursor(sessionId: string, cursor: number, shownFrom?: number): Promise<void> {
    return this.parts.writer.write(async (transaction) => {
      await transaction.run(SQL.advance, { id: sessionId, cursor });
      if (shownFrom !== undefined) await this.parts.mail.seeRange(transaction, sessionId, shownFrom, cursor);
    });
  }

  acknowledge(sessionId: string, cursor: number): Promise<void> {
    return this.parts.writer.write(async (transaction) => {
      await transaction.run(SQL.saveCursor, { id: sessionId, cursor });
      await this.parts.mail.ackUpTo(transaction, sessionId, cursor);
    });
  }

  async insert(connection: Connection, session: Session): Promise<void> {
    await connection.run(SQL.insert, {
      ...statedOf(session),
      displayId: session.display_id,
      registeredAt: session.registered_at,
      cursor: session.cursor,
    });
  }

  /** Brings a session back. `alias`: an id that leads to it from here on. */
  async revive(connection: Connection, session: Session, alias: string | null): Promise<void> {
    const { session_id: sessionId, rung, rung_until: rungUntil, lease_until: leaseUntil } = session;
    await connection.run(SQL.revive, { ...statedOf(session), leaseUntil, rung, rungUntil });
    await connection.run(SQL.dropAlias, { alias: sessionId });
    if (alias !== null) await connection.run(SQL.addAlias, { alias, sessionId });
  }

  /** Leads the id of another session to this one, with its earlier ids and its claims. */
  async takeOver(connection: Connection, from: string, to: string): Promise<void> {
    await connection.run(SQL.moveAliases, { from, to });
    await connection.run(SQL.moveClaims, { from, to });
    await connection.run(SQL.addAlias, { alias: from, sessionId: to });
  }

  async markDeleted(connection: Connection, id: string, at: string): Promise<void> {
    await connection.run(SQL.markDeleted, { id, at });
  }

  #change(statement: Statement, paramsNow: () => Named): Promise<void> {
    return this.parts.writer.write(async (transaction) => {
      await transaction.run(statement, paramsNow());
    });
  }
}

/** Sessions with that display_id, then those with that name. */
export async function findNamed(connection: Connection, text: string): Promise<Session[]> {
  const rows = await connection.run(SQL.byDisplayId, { text });
  const ids = new Set(rows.map(({ id }) => id));
  const others = (await connection.run(SQL.byName, nameParams(text))).filter(({ id }) => !ids.has(id));
  return [...rows, ...others].map(sessionOfRow);
}
