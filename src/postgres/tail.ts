import type { Store } from "../domain/store.ts";
import { type Connection, statements } from "./connection.ts";
import type { Appended } from "./event_rows.ts";
import { EVENT_COLUMNS, eventOfRow } from "./events.ts";

const SQL = statements({
  after: `SELECT ${EVENT_COLUMNS},
      array(SELECT webhook_id FROM webhooks JOIN deliveries ON webhook_id = webhooks.id
        WHERE event_id = events.id AND NOT redelivery ORDER BY webhook_id) AS webhook_ids
    FROM events WHERE id > $after ORDER BY id LIMIT $limit`,
});

const CHUNK = 100;

type Listener = Parameters<Store["listen"]>[0];

/** Tells of every event of every bus, once and in order. */
export class Tail {
  readonly #connection: Connection;
  readonly #listeners: Listener[] = [];
  /** This bus's own, which need not be read. */
  readonly #own = new Map<number, Appended>();
  #told = 0;
  #newest = 0;
  #catchingUp: Promise<void> | undefined;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** The newest event that is known. */
  get newest(): number {
    return this.#newest;
  }

  /** Begins behind an event. */
  start(tip: number): void {
    [this.#told, this.#newest] = [tip, tip];
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
    this.#catchingUp ??= this.#read().finally(() => {
      this.#catchingUp = undefined;
    });
    await this.#catchingUp;
  }

  async #read(): Promise<void> {
    for (;;) {
      const after = this.#told;
      const rows = await this.#connection.run(SQL.after, { after, limit: CHUNK }).catch(() => []);
      for (const row of rows)
        this.#tell({ event: eventOfRow(row), webhookIds: (row.webhook_ids as string[]).map(Number) });
      this.#tellOwn();
      if (rows.length < CHUNK) return;
    }
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
    for (const listener of this.#listeners) listener(event, webhookIds);
  }
}
