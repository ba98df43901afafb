import type { Store } from "../domain/store.ts";
import { type Connection, type Row, statements } from "./connection.ts";
import type { Appended } from "./event_rows.ts";
import { EVENT_COLUMNS, eventOfRow } from "./events.ts";

const SQL = statements({
  // At least one row, with or without an event. A replica may lag, which is not a loss.
  after: `SELECT (SELECT timestamp FROM events WHERE id = $after) AS told_at, pg_is_in_recovery() AS lags, found.* FROM sequencer
    LEFT JOIN LATERAL (SELECT ${EVENT_COLUMNS},
      array(SELECT webhook_id FROM webhooks JOIN deliveries ON webhook_id = webhooks.id
        WHERE event_id = events.id AND NOT redelivery ORDER BY webhook_id) AS webhook_ids
    FROM events WHERE id > $after ORDER BY id LIMIT $limit) AS found ON true ORDER BY id`,
  newest: "SELECT id, timestamp FROM events ORDER BY id DESC LIMIT $limit",
  known: "SELECT id, timestamp FROM events WHERE id = ANY($ids::bigint[]) ORDER BY id DESC",
});

const CHUNK = 100;
const MOST_KNOWN = 1_000;

type Listener = Parameters<Store["listen"]>[0];

/** Called when events up to `last` were told, of which the log has those up to `kept` only. */
export type OnLoss = (last: number, kept: number) => void;

/** Tells of every event of every bus, once and in order. */
export class Tail {
  readonly #connection: Connection;
  readonly #onLoss: OnLoss;
  readonly #listeners: Listener[] = [];
  /** This bus's own, which need not be read. */
  readonly #own = new Map<number, Appended>();
  /** The times of the newest events that were told, by which they are known again. */
  readonly #known = new Map<number, string>();
  #told = 0;
  #newest = 0;
  #catchingUp: Promise<void> | undefined;

  constructor(connection: Connection, onLoss: OnLoss) {
    this.#connection = connection;
    this.#onLoss = onLoss;
  }

  /** The newest event that is known. */
  get newest(): number {
    return this.#newest;
  }

  /** Begins behind the newest event. */
  async start(): Promise<void> {
    const rows = await this.#connection.run(SQL.newest, { limit: MOST_KNOWN });
    for (const { id, timestamp } of rows.reverse()) this.#known.set(Number(id), String(timestamp));
    this.#beginBehind(Number(rows.at(-1)?.id ?? 0));
  }

  listen(onEvent: Listener): void {
    this.#listeners.push(onEvent);
  }

  /** Takes the events of a transaction of this bus that was committed. Those of other buses before them come first. */
  committed(appended: readonly Appended[]): void {
    for (const one of appended) this.#own.set(one.event.id, one);
    this.#newest = Math.max(this.#newest, appended.at(-1)?.event.id ?? 0);
    this.#tellOwn();
    if (this.#told < this.#newest) void this.catchUp();
  }

  /** Reads what other buses have appended. Resolves when it was told, or could not be read. */
  async catchUp(): Promise<void> {
    this.#catchingUp ??= this.#read()
      .catch(() => {})
      .finally(() => {
        this.#catchingUp = undefined;
      });
    await this.#catchingUp;
  }

  async #read(): Promise<void> {
    for (let isFull = true; isFull; ) {
      const after = this.#told;
      const toldAt = this.#known.get(after) ?? null;
      const found = await this.#connection.run(SQL.after, { after, limit: CHUNK });
      isFull = found.length === CHUNK;
      const [row] = found;
      // The log may have another event under the number of one that was told, or none.
      if (row === undefined || row.lags === true || row.told_at === toldAt) this.#tellAll(found);
      else isFull = await this.#goBack();
    }
  }

  /** Goes on behind the last event that is left. A new primary server may lack the newest events, and gives their numbers again. */
  async #goBack(): Promise<true> {
    const rows = await this.#connection.run(SQL.known, { ids: [...this.#known.keys()] });
    const left = rows.find(({ id, timestamp }) => this.#known.get(Number(id)) === timestamp);
    const kept = Number((left ?? (await this.#connection.run(SQL.newest, { limit: 1 }))[0])?.id ?? 0);
    this.#onLoss(this.#told, kept);
    for (const id of this.#known.keys()) if (id > kept) this.#known.delete(id);
    this.#own.clear();
    this.#beginBehind(kept);
    return true;
  }

  #beginBehind(id: number): void {
    [this.#told, this.#newest] = [id, id];
  }

  #tellAll(rows: readonly Row[]): void {
    for (const row of rows)
      if (row.id !== null)
        this.#tell({ event: eventOfRow(row), webhookIds: (row.webhook_ids as string[]).map(Number) });
    this.#tellOwn();
  }

  #tellOwn(): void {
    for (let own = this.#own.get(this.#told + 1); own !== undefined; own = this.#own.get(this.#told + 1))
      this.#tell(own);
  }

  #tell({ event, webhookIds }: Appended): void {
    if (event.id <= this.#told) return;
    this.#told = event.id;
    this.#newest = Math.max(this.#newest, event.id);
    this.#own.delete(event.id);
    this.#known.set(event.id, event.timestamp);
    if (this.#known.size > MOST_KNOWN) this.#known.delete(this.#known.keys().next().value ?? 0);
    for (const listener of this.#listeners) listener(event, webhookIds);
  }
}
