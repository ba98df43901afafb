import type { WakeSetting } from "../domain/attention.ts";
import type { Machine } from "../domain/machine.ts";
import type { Session } from "../domain/session.ts";
import type { Batch, EventQuery, KnownSessions, Report, Sessions } from "../domain/store.ts";
import type { ProcessMark } from "../lib/process.ts";
import { composed, formsOf } from "../lib/unicode_form.ts";
import type { Named } from "../runtime/runtime.ts";
import { ClaimTable } from "./claims.ts";
import type { MailTable } from "./direct_messages.ts";
import type { EventTable } from "./events.ts";
import { FutureHeartbeats } from "./future_heartbeats.ts";
import { type Parts, Table } from "./parts.ts";
import { eitherForm, machineParams, reportedOf, SQL, sessionOfRow, statedOf } from "./session_sql.ts";
import { storedTime } from "./time.ts";

/** A reader waits less for a saved cursor than a publisher for its event. */
const CONSUME_PATIENCE_MS = 1_500;

export interface SessionParts extends Parts {
  events: EventTable;
  mail: MailTable;
}

/** Registered sessions. */
export class SessionTable extends Table<keyof typeof SQL, SessionParts> implements Sessions, KnownSessions {
  readonly #claims: ClaimTable;
  readonly #future: FutureHeartbeats;

  constructor(parts: SessionParts) {
    super(parts, SQL);
    this.#claims = new ClaimTable(parts.db);
    this.#future = new FutureHeartbeats(parts);
    this.#future.correct();
  }

  get(sessionId: string): Promise<Session | undefined> {
    return this.writer.read(() => this.#findByAnyId(sessionId));
  }

  byClient(machine: Machine, clientId: string, pid?: number): Promise<Session | undefined> {
    return this.writer.read(() => this.findByClient(machine, clientId, pid));
  }

  byProcess(machine: Machine, process: ProcessMark, watcher?: string): Promise<Session | undefined> {
    return this.writer.read(() => this.findByProcess(machine, process, watcher));
  }

  ofClient(clientId: string): Promise<Session[]> {
    return this.writer.read(() => this.findOfClient(clientId));
  }

  namedLike(text: string): Promise<Session[]> {
    return this.writer.read(() => this.findNamed(text));
  }

  idsOf(text: string): Promise<string[]> {
    return this.writer.read(() => {
      const ids = this.sql.idsOf.all(eitherForm(text)).map(({ id }) => String(id));
      return [...new Set(ids.flatMap((id) => [id, ...this.#claims.aliasesOf(id)]))];
    });
  }

  present(since: string): Promise<Session[]> {
    const from = { since: storedTime(since) };
    const { present, silent } = this.sql;
    this.#future.correct();
    return this.writer.read(() => [...present.all(from), ...silent.all(from)].map(sessionOfRow));
  }

  recent(limit: number): Promise<Session[]> {
    return this.writer.read(() => this.sql.recent.all({ limit }).map(sessionOfRow));
  }

  repos(limit: number): Promise<string[]> {
    return this.writer.read(() => this.sql.repos.all({ limit }).map(({ repo }) => composed(String(repo))));
  }

  holder(name: string): Promise<Session | undefined> {
    return this.writer.read(() => this.#findHolder(name));
  }

  claimsOf(sessionId: string): Promise<string[]> {
    return this.writer.read(() => this.namesOf(sessionId));
  }

  claimsOfAll(sessionIds: readonly string[]): Promise<Map<string, string[]>> {
    return this.writer.read(() => new Map(sessionIds.map((id) => [id, this.namesOf(id)])));
  }

  claim(name: string, sessionId: string, holderId: string | undefined): Promise<boolean> {
    const { mail } = this.parts;
    return this.writer.write(() => {
      if (this.#findHolder(name)?.session_id !== holderId) return false;
      this.#claims.claim(name, sessionId, this.at());
      if (holderId !== undefined && holderId !== sessionId) mail.forward(holderId, sessionId);
      for (const form of formsOf(name)) mail.forward(`@${form}`, sessionId);
      return true;
    });
  }

  touch(id: string): Promise<void> {
    return this.writer.write(() => void this.sql.touch.run({ id, at: this.at() }));
  }

  report(id: string, report: Report): Promise<void> {
    return this.writer.write(
      () => void this.sql.report.run({ id, ...reportedOf(report, this.parts.now()), at: this.at() }),
    );
  }

  attend(id: string, wake: WakeSetting | null | undefined, mutedUntil: number | null = null): Promise<void> {
    const settings = { wake: wake ?? null, keepsWake: wake === undefined ? 1 : 0, mutedUntil };
    return this.writer.write(() => void this.sql.attend.run({ id, ...settings }));
  }

  carry(id: string, until: number): Promise<void> {
    return this.writer.write(() => void this.sql.carry.run({ id, until }));
  }

  consume(sessionId: string, resume: boolean, query: EventQuery): Promise<Batch> {
    const { events, mail } = this.parts;
    return this.writer.write(() => {
      const session = this.find(sessionId);
      const after = resume ? (session?.cursor ?? undefined) : query.after;
      const batch = events.select({ ...query, after });
      if (session !== undefined && batch.highest > 0) {
        this.#advance(session, batch.highest);
        const lowest = Math.min(batch.events[0]?.id ?? 0, batch.events.at(-1)?.id ?? 0);
        mail.seeRange(session.session_id, lowest, batch.highest);
      }
      return batch;
    }, CONSUME_PATIENCE_MS);
  }

  saveTip(sessionId: string): Promise<number> {
    return this.writer.write(() => {
      const tip = this.parts.events.newest();
      this.#saveCursor(sessionId, tip);
      return tip;
    });
  }

  advanceCursor(sessionId: string, cursor: number, shownFrom?: number): Promise<void> {
    return this.writer.write(() => {
      this.#advance(this.find(sessionId), cursor);
      if (shownFrom !== undefined) this.parts.mail.seeRange(sessionId, shownFrom, cursor);
    });
  }

  acknowledge(sessionId: string, cursor: number): Promise<void> {
    return this.writer.write(() => {
      this.#saveCursor(sessionId, cursor);
      this.parts.mail.ackUpTo(sessionId, cursor);
    });
  }

  find(id: string): Session | undefined {
    return this.#one("find", { id });
  }

  findByClient(machine: Machine, clientId: string, pid: number | null = null): Session | undefined {
    return this.#one("byClient", { ...machineParams(machine), clientId, pid });
  }

  findByProcess(machine: Machine, { pid, started }: ProcessMark, watcher?: string): Session | undefined {
    return this.#one("byProcess", { ...machineParams(machine), pid, started, watcher: watcher ?? null });
  }

  findOfClient(clientId: string): Session[] {
    return this.sql.ofClient.all({ clientId }).map(sessionOfRow);
  }

  findNamed(text: string): Session[] {
    const rows = this.sql.byDisplayId.all({ text });
    const ids = new Set(rows.map(({ id }) => id));
    const others = this.sql.byName.all(eitherForm(text)).filter(({ id }) => !ids.has(id));
    return [...rows, ...others].map(sessionOfRow);
  }

  hasDisplayId(displayId: string): boolean {
    return this.sql.hasDisplayId.get({ displayId }) !== undefined;
  }

  hasAlias(id: string): boolean {
    return this.#claims.aliasOf(id) !== undefined;
  }

  namesOf(sessionId: string): string[] {
    return this.#claims.namesOf(sessionId);
  }

  insert(session: Session): void {
    this.sql.insert.run({
      ...statedOf(session),
      displayId: session.display_id,
      registeredAt: storedTime(session.registered_at),
      cursor: session.cursor === null ? null : String(session.cursor),
    });
  }

  /** Brings a session back. `alias`: an id that leads to it from here on. */
  revive(session: Session, alias: string | null): void {
    const { rung, rung_until: rungUntil, lease_until } = session;
    this.sql.revive.run({ ...statedOf(session), leaseUntil: storedTime(lease_until), rung, rungUntil });
    this.#claims.dropAlias(session.session_id);
    if (alias !== null) this.#claims.addAlias(alias, session.session_id);
  }

  /** Leads the id of another session to this one, with its earlier ids and its claims. */
  readonly takeOver = (from: string, to: string) => this.#claims.moveAll(from, to);

  markDeleted(id: string, at: string): void {
    this.sql.markDeleted.run({ id, at: storedTime(at) });
  }

  #one(select: "find" | "byClient" | "byProcess", params: Named): Session | undefined {
    const row = this.sql[select].get(params);
    return row === undefined ? undefined : sessionOfRow(row);
  }

  #findByAnyId(id: string): Session | undefined {
    return this.find(this.#claims.aliasOf(id) ?? id);
  }

  #findHolder(name: string): Session | undefined {
    const id = this.#claims.holder(name);
    return id === undefined ? undefined : this.#findByAnyId(id);
  }

  #advance(session: Session | undefined, cursor: number): void {
    if (session !== undefined && cursor > (session.cursor ?? 0)) this.#saveCursor(session.session_id, cursor);
  }

  #saveCursor(id: string, cursor: number): void {
    this.sql.saveCursor.run({ id, cursor: String(cursor) });
  }
}
