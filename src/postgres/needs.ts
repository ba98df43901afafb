import { randomBytes } from "node:crypto";
import type { Answer, DialogDraft, EventNeed, Need, Settled, Via } from "../domain/need.ts";
import { MOST_CALLS, WITHDRAWN } from "../domain/need.ts";
import type { NeedStore } from "../domain/store.ts";
import { type Connection, type Row, statements } from "./connection.ts";
import { Table } from "./parts.ts";
import type { Transaction } from "./transaction.ts";

const CLOSE = "UPDATE needs SET closed_at = $at, state =";
const OPEN = "state = 'open'";
/** Told again when it is not known which have changed. */
const MOST_RECENT = 200;
/** The lock of the sequencer makes each number once, and without gaps. */
const NEXT_ID = "(SELECT coalesce(max(need_id), 0) + 1 FROM needs)";

const SELECT = `SELECT need_id, key, kind, session_id, text, tool, input, cwd, branch, event_id, correlation_id, since, answerable,
  secret, state, answer, answered_by, via, closed_at, reason, taken_at FROM needs`;

const SQL = statements({
  open: `INSERT INTO needs (need_id, key, kind, session_id, text, tool, input, cwd, branch, since, answerable, secret)
    VALUES (${NEXT_ID}, $key, $kind, $session_id, $text, $tool, $input, $cwd, $branch, $since, $answerable, $secret)
    ON CONFLICT (key) DO NOTHING`,
  reopen: `UPDATE needs SET state = 'open', reason = NULL, closed_at = NULL, since = $since
    WHERE key = $key AND state = 'withdrawn' AND reason IN ($lost, $session)`,
  openEvent: `INSERT INTO needs (need_id, kind, session_id, text, event_id, correlation_id, since, answerable, secret)
    SELECT ${NEXT_ID}, $kind, $sessionId, $text, $eventId::bigint, $correlation, $at::timestamptz, true, $secret
    WHERE $kind <> 'help' OR (SELECT count(*) FROM needs
      WHERE ${OPEN} AND kind = 'help' AND session_id = $sessionId) < ${MOST_CALLS}
    RETURNING need_id`,
  byKey: `${SELECT} WHERE key = $key`,
  get: `${SELECT} WHERE need_id = ANY($needIds::bigint[]) ORDER BY need_id`,
  standing: `${SELECT} WHERE ${OPEN} ORDER BY need_id`,
  recent: `${SELECT} ORDER BY need_id DESC LIMIT $limit`,
  withdraw: `${CLOSE} 'withdrawn', reason = $reason WHERE need_id = $needId AND ${OPEN}`,
  answer: `${CLOSE} 'answered', answer = $answer, answered_by = $by, via = $via WHERE need_id = $needId AND ${OPEN}`,
  answered: `SELECT need_id FROM needs WHERE correlation_id = $correlation AND ${OPEN}`,
  take: "UPDATE needs SET taken_at = $at WHERE need_id = $needId AND taken_at IS NULL",
});

/** The needs of the person. */
export class NeedTable extends Table implements NeedStore {
  readonly #listeners: ((need: Need) => void)[] = [];

  open(draft: DialogDraft): Promise<Need> {
    const { key, since } = draft;
    const { lost, session } = WITHDRAWN;
    return this.parts.writer.write(async (transaction) => {
      const opened = await transaction.run(SQL.open, { ...draft, secret: newSecret() });
      const { count } =
        opened.count > 0 ? opened : await transaction.run(SQL.reopen, { key, since, lost, session });
      const [row] = await transaction.run(SQL.byKey, { key });
      const need = needOfRow(row as Row);
      if (count > 0) transaction.needs.add(need.need_id);
      return need;
    });
  }

  get(needId: number): Promise<Need | undefined> {
    return this.reading(async (connection) => (await this.#all(connection, [needId]))[0]);
  }

  async standing(): Promise<Need[]> {
    return (await this.rows(SQL.standing)).map(needOfRow);
  }

  async recent(limit: number): Promise<Need[]> {
    return (await this.rows(SQL.recent, { limit })).map(needOfRow);
  }

  withdraw(needId: number, reason: string): Promise<boolean> {
    return this.parts.writer.write((transaction) => this.#withdraw(transaction, needId, reason));
  }

  taken(needId: number): Promise<void> {
    return this.parts.writer.write(async (transaction) => {
      const { count } = await transaction.run(SQL.take, { needId, at: this.at() });
      if (count > 0) transaction.needs.add(needId);
    });
  }

  listen(onChange: (need: Need) => void): void {
    this.#listeners.push(onChange);
  }

  async isOpen(connection: Connection, needId: number): Promise<boolean> {
    return (await this.#all(connection, [needId]))[0]?.state === "open";
  }

  async openEvent(
    transaction: Transaction,
    { kind, session_id: sessionId, text, correlation }: EventNeed,
    eventId: number,
    at: string,
  ): Promise<void> {
    const [row] = await transaction.run(SQL.openEvent, {
      ...{ kind, sessionId, text, eventId, at, secret: newSecret() },
      correlation: correlation ?? `event-${eventId}`,
    });
    if (row !== undefined) transaction.needs.add(Number(row.need_id));
  }

  async answer(
    transaction: Transaction,
    needId: number,
    answer: Answer,
    { by, via }: { by: string; via: Via },
  ): Promise<void> {
    await transaction.run(SQL.answer, { needId, answer: JSON.stringify(answer), by, via, at: this.at() });
    transaction.needs.add(needId);
  }

  /** Closes what an event answers. */
  async settle(transaction: Transaction, { correlation, text, by }: Settled): Promise<void> {
    for (const { need_id } of await transaction.run(SQL.answered, { correlation })) {
      const needId = Number(need_id);
      if (by === null) await this.#withdraw(transaction, needId, WITHDRAWN.elsewhere);
      else await this.answer(transaction, needId, { text }, { by, via: "shell" });
    }
  }

  /** The needs that a transaction changed, as it leaves them. */
  changedIn(transaction: Transaction): Promise<Need[]> {
    return this.#all(transaction, [...transaction.needs]);
  }

  /** Tells of what another bus has changed. `needIds`: undefined if it could not be told what. */
  async tellOf(needIds: readonly number[] | undefined): Promise<void> {
    if (this.#listeners.length === 0 || needIds?.length === 0) return;
    this.tell(
      needIds === undefined ? await this.recent(MOST_RECENT) : await this.#all(this.parts.pool, needIds),
    );
  }

  tell(changed: readonly Need[]): void {
    for (const need of changed) for (const listener of this.#listeners) listener(need);
  }

  async #all(connection: Connection, needIds: readonly number[]): Promise<Need[]> {
    return (await connection.run(SQL.get, { needIds })).map(needOfRow);
  }

  async #withdraw(transaction: Transaction, needId: number, reason: string): Promise<boolean> {
    const { count } = await transaction.run(SQL.withdraw, { needId, reason, at: this.at() });
    if (count > 0) transaction.needs.add(needId);
    return count > 0;
  }
}

function newSecret(): string {
  return randomBytes(16).toString("hex");
}

function needOfRow({ key: _, correlation_id: __, answered_by: by, answer, ...row }: Row): Need {
  return { ...row, by, answer: answer === null ? null : JSON.parse(String(answer)) } as unknown as Need;
}
