import { folded } from "../domain/search.ts";
import { Load } from "../lib/load.ts";
import { type Connection, type Pool, statements } from "./connection.ts";
import { EVENT_COLUMNS, eventOfRow } from "./events.ts";

const SQL = statements({
  // One bus at a time.
  lock: "SELECT pg_try_advisory_xact_lock($lock::bigint) AS locked",
  upTo: "SELECT coalesce(max(id), 0) AS up_to FROM events_text",
  next: `SELECT ${EVENT_COLUMNS} FROM events WHERE id > $after ORDER BY id LIMIT $limit`,
  add: "INSERT INTO events_text (id, text) SELECT * FROM unnest($ids::bigint[], $texts::text[])",
});

const LOCK = 4_737_402_847;
/** Fewer new events wait, because a small addition costs as much as a large one. */
const LEAST_EVENTS = 256;
const MOST_EVENTS = 256;
const STEP_MS = 1_000;
const NEXT_MS = 10;
/** Events a second, of all buses. More have priority over the index. */
const HIGH = 200;
const NEXT_UNDER_LOAD_MS = 4_000;
const MOST_RETRY_MS = 60_000;
/** Between the title and the payload: no text that is searched for holds it. */
const BETWEEN = "\u{10FFFE}";

/** The index of the texts of events, filled in the order of ids and in small steps. */
export class TextIndex {
  readonly #pool: Pool;
  readonly #tip: () => number;
  readonly #load: Load;
  #upTo = 0;
  #retryMs = STEP_MS;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #step: Promise<void> | undefined;
  #isStopped = false;

  /** `tip`: the newest event that is known. */
  constructor(pool: Pool, tip: () => number) {
    this.#pool = pool;
    this.#tip = tip;
    this.#load = new Load(tip, HIGH);
  }

  /** Every event up to this id is in the index. */
  get upTo(): number {
    return this.#upTo;
  }

  async start(): Promise<void> {
    this.#upTo = await upToOf(this.#pool);
    this.#wait(STEP_MS);
  }

  /** Forgets the events after `kept`, which were lost. */
  loseFrom(kept: number): void {
    this.#upTo = Math.min(this.#upTo, kept);
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    await this.#step;
  }

  #wait(ms: number): void {
    if (this.#isStopped) return;
    this.#timer = setTimeout(() => {
      this.#step = this.#run();
    }, ms);
    this.#timer.unref();
  }

  async #run(): Promise<void> {
    try {
      const isDue = this.#tip() - this.#upTo >= LEAST_EVENTS;
      const added = isDue ? await this.#pool.transaction((connection) => addSome(connection)) : undefined;
      this.#upTo = added ?? this.#upTo;
      this.#retryMs = STEP_MS;
      const next = this.#load.isHigh() ? NEXT_UNDER_LOAD_MS : NEXT_MS;
      this.#wait(added === undefined ? STEP_MS : next);
    } catch {
      // Publishing tells of a database that takes no writes. The index has time.
      this.#retryMs = Math.min(2 * this.#retryMs, MOST_RETRY_MS);
      this.#wait(this.#retryMs);
    }
  }
}

/** Adds some events, and returns the last one in the index. Undefined if another bus is at it. */
async function addSome(connection: Connection): Promise<number | undefined> {
  const [row] = await connection.run(SQL.lock, { lock: LOCK });
  if (row?.locked !== true) return undefined;
  const upTo = await upToOf(connection);
  const rows = await connection.run(SQL.next, { after: upTo, limit: MOST_EVENTS });
  const events = rows.map(eventOfRow);
  const texts = events.map(({ title, payload }) =>
    title === undefined ? folded(payload) : `${folded(title)}${BETWEEN}${folded(payload)}`,
  );
  await connection.run(SQL.add, { ids: events.map(({ id }) => id), texts });
  return events.at(-1)?.id ?? upTo;
}

async function upToOf(connection: Connection): Promise<number> {
  return Number((await connection.run(SQL.upTo))[0]?.up_to);
}
