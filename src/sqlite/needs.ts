import type { Answer, DialogDraft, EventNeed, Need, Settled, Via } from "../domain/need.ts";
import { MOST_CALLS, WITHDRAWN } from "../domain/need.ts";
import type { NeedStore } from "../domain/store.ts";
import type { Row } from "../runtime/runtime.ts";
import { type Parts, Table } from "./parts.ts";
import { storedTime, wireTime, wireTimeOrNull } from "./time.ts";

const CLOSE = "UPDATE needs SET closed_at = $at, state =";
const OPEN = "state = 'open'";

const SQL = {
  open: `INSERT INTO needs (key, kind, session_id, text, tool, input, cwd, branch, since, answerable, secret)
    VALUES ($key, $kind, $sessionId, $text, $tool, $input, $cwd, $branch, $since, $answerable, lower(hex(randomblob(16))))`,
  reopen: `UPDATE needs SET state = 'open', reason = NULL, closed_at = NULL, since = $since
    WHERE key = $key AND state = 'withdrawn' AND reason IN ($lost, $session)`,
  openEvent: `INSERT INTO needs (kind, session_id, text, event_id, correlation_id, since, answerable, secret)
    SELECT $kind, $sessionId, $text, $eventId, $correlation, $at, 1, lower(hex(randomblob(16)))
    WHERE $kind <> 'help' OR (SELECT count(*) FROM needs INDEXED BY needs_open
      WHERE ${OPEN} AND kind = 'help' AND session_id = $sessionId) < ${MOST_CALLS}
    RETURNING need_id`,
  byKey: "SELECT * FROM needs WHERE key = $key",
  get: "SELECT * FROM needs WHERE need_id = $needId",
  standing: `SELECT * FROM needs INDEXED BY needs_open WHERE ${OPEN} ORDER BY need_id`,
  recent: "SELECT * FROM needs ORDER BY need_id DESC LIMIT $limit",
  withdraw: `${CLOSE} 'withdrawn', reason = $reason WHERE need_id = $needId AND ${OPEN}`,
  answer: `${CLOSE} 'answered', answer = $answer, answered_by = $by, via = $via WHERE need_id = $needId AND ${OPEN}`,
  answered: `SELECT need_id FROM needs INDEXED BY needs_by_correlation WHERE correlation_id = $correlation AND ${OPEN}`,
  take: "UPDATE needs SET taken_at = $at WHERE need_id = $needId AND taken_at IS NULL",
};

/** The needs of the person. */
export class NeedTable extends Table<keyof typeof SQL> implements NeedStore {
  readonly #listeners: ((need: Need) => void)[] = [];
  /** Needs that the transaction opened or changed. */
  #changed = new Set<number>();

  constructor(parts: Parts) {
    super(parts, SQL);
  }

  open(draft: DialogDraft): Promise<Need> {
    const { session_id: sessionId, answerable, ...rest } = draft;
    const { key } = draft;
    const since = storedTime(draft.since);
    const { lost, session } = WITHDRAWN;
    return this.writer.write(() => {
      const { changes } =
        this.sql.byKey.get({ key }) === undefined
          ? this.sql.open.run({ ...rest, sessionId, since, answerable: Number(answerable) })
          : this.sql.reopen.run({ key, since, lost, session });
      const need = needOfRow(this.sql.byKey.get({ key }) as Row);
      if (changes > 0) this.#changed.add(need.need_id);
      return need;
    });
  }

  get(needId: number): Promise<Need | undefined> {
    return this.writer.read(() => this.#get(needId));
  }

  standing(): Promise<Need[]> {
    return this.writer.read(() => this.sql.standing.all().map(needOfRow));
  }

  recent(limit: number): Promise<Need[]> {
    return this.writer.read(() => this.sql.recent.all({ limit }).map(needOfRow));
  }

  withdraw(needId: number, reason: string): Promise<boolean> {
    return this.writer.write(() => this.#withdraw(needId, reason));
  }

  taken(needId: number): Promise<void> {
    return this.writer.write(() => {
      if (this.sql.take.run({ needId, at: this.at() }).changes > 0) this.#changed.add(needId);
    });
  }

  listen(onChange: (need: Need) => void): void {
    this.#listeners.push(onChange);
  }

  isOpen(needId: number): boolean {
    return this.#get(needId)?.state === "open";
  }

  openEvent(
    { kind, session_id: sessionId, text, correlation }: EventNeed,
    eventId: number,
    at: string,
  ): void {
    const row = this.sql.openEvent.get({
      ...{ kind, sessionId, text, eventId, at: storedTime(at) },
      correlation: correlation ?? `event-${eventId}`,
    });
    if (row !== undefined) this.#changed.add(Number(row.need_id));
  }

  answer(needId: number, answer: Answer, { by, via }: { by: string; via: Via }): void {
    this.sql.answer.run({ needId, answer: JSON.stringify(answer), by, via, at: this.at() });
    this.#changed.add(needId);
  }

  /** Closes what an event answers. */
  settle({ correlation, text, by }: Settled): void {
    for (const { need_id } of this.sql.answered.all({ correlation })) {
      const needId = Number(need_id);
      if (by === null) this.#withdraw(needId, WITHDRAWN.elsewhere);
      else this.answer(needId, { text }, { by, via: "shell" });
    }
  }

  /** Tells of the changes of a transaction that was committed. */
  committed(): void {
    if (this.#changed.size === 0) return;
    const changed = this.#changed;
    this.#changed = new Set();
    for (const needId of changed) {
      const need = this.#get(needId);
      if (need !== undefined) for (const listener of this.#listeners) listener(need);
    }
  }

  undone(): void {
    this.#changed.clear();
  }

  #get(needId: number): Need | undefined {
    const row = this.sql.get.get({ needId });
    return row && needOfRow(row);
  }

  #withdraw(needId: number, reason: string): boolean {
    if (this.sql.withdraw.run({ needId, reason, at: this.at() }).changes === 0) return false;
    this.#changed.add(needId);
    return true;
  }
}

function needOfRow(row: Row): Need {
  const { need_id, event_id, answerable, answer, answered_by: by, since, closed_at, taken_at, ...rest } = row;
  const { key: _key, correlation_id: _correlation, ...texts } = rest;
  return {
    ...texts,
    need_id: Number(need_id),
    event_id: event_id === null ? null : Number(event_id),
    answerable: answerable === 1,
    answer: answer === null ? null : JSON.parse(String(answer)),
    by,
    since: wireTime(since),
    closed_at: wireTimeOrNull(closed_at ?? null),
    taken_at: wireTimeOrNull(taken_at ?? null),
  } as Need;
}
