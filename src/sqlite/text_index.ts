import { statfsSync } from "node:fs";
import type { Event } from "../domain/event.ts";
import { parseMeta } from "../domain/event_meta.ts";
import { folded } from "../domain/search.ts";
import { attempt } from "../lib/attempt.ts";
import { Load } from "../lib/load.ts";
import type { Row } from "../runtime/runtime.ts";
import type { EventTable } from "./events.ts";
import type { BackgroundWriter } from "./group_commit.ts";
import { Pace } from "./pace.ts";
import { type Parts, Table } from "./parts.ts";

const SQL = {
  state: "SELECT value FROM bus WHERE key = 'indexed'",
  save: `INSERT INTO bus (key, value) VALUES ('indexed', $value) ON CONFLICT DO UPDATE SET value = $value`,
  next: "SELECT id, payload, payload_meta FROM events WHERE id > $after ORDER BY id LIMIT 1",
  add: "INSERT INTO events_text (rowid, text) VALUES ($id, $text)",
  merge: "INSERT INTO events_text (events_text, rank) VALUES ('merge', $pages)",
  changes: "SELECT total_changes() AS count",
};

/** Fewer new events wait, because a small addition costs as much as a large one. */
const LEAST_EVENTS = 256;
/** Unless their payloads are large (characters). */
const LEAST_SIZE = 1024 * 1024;
/** Pieces of a long text overlap, so that each three characters are together in one. A character has up to two units. */
const OVERLAP = 6;
/** Counts for an event besides its text (characters). */
const PER_EVENT = 16;
/** Otherwise a commit would fold a thousand pages of the log of writes into the file at once. */
const STEPS_PER_FOLD = 4;
/** Parts of the index that are merged into one (`usermerge` of the schema). */
const ADDITIONS_PER_MERGE = 8;
/** Left to the events when the disk fills up. */
const LEAST_FREE_BYTES = 64 * 1024 * 1024;

/** Calls a second. More have priority. */
const HIGH = 200;

const FIRST_MS = 1_000;
const RETRY_MS = 1_000;
const MOST_RETRY_MS = 60_000;
/** Work of one step, and the pause after it. */
const AT_REST = { ms: 6, pauses: 2, leastMs: 5 };
const UNDER_LOAD = { ms: 3, pauses: 0, leastMs: 4_000 };

/** The last event that is in the index as a whole, and how much of the next one is (characters). */
interface Place {
  id: number;
  part: number;
}

export interface IndexParts extends Parts {
  events: EventTable;
  background: BackgroundWriter;
  /** The database's. */
  folder: string;
}

/**
 * The index of the texts of events. Filled in the order of ids and in small steps, while the bus has little to do. Each step
 * stores in its transaction how far the index has come.
 */
export class TextIndex extends Table<keyof typeof SQL, IndexParts> {
  readonly #load: Load;
  readonly #adding = new Pace({ least: 16_000, first: 32_000, most: 400_000 });
  readonly #merging = new Pace({ least: 4, first: 16, most: 500 });
  #upTo: number;
  /** Size of the payloads that came since the last step (characters). */
  #waiting = 0;
  #merges = false;
  #additions = 0;
  #stepsSinceFold = 0;
  #retryMs = RETRY_MS;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #stopped = false;

  constructor(parts: IndexParts) {
    super(parts, SQL);
    this.#load = new Load(() => parts.background.calls, HIGH);
    this.#upTo = this.#place().id;
  }

  /** Every event up to this id is in the index. */
  get upTo(): number {
    return this.#upTo;
  }

  start(): void {
    this.#wait(FIRST_MS);
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  /** Takes note of a new event. */
  note({ payload }: Event): void {
    this.#waiting += payload.length;
    if (this.#timer === undefined) this.#wait(FIRST_MS);
  }

  #wait(ms: number): void {
    if (this.#stopped) return;
    this.#timer = setTimeout(() => this.#run(), ms);
    this.#timer.unref();
  }

  async #run(): Promise<void> {
    try {
      const pause = this.#mayWrite() ? await this.#step() : RETRY_MS;
      this.#timer = undefined;
      if (pause !== null) this.#wait(pause);
      this.#retryMs = RETRY_MS;
    } catch {
      // Publishing tells of a full disk. The index has time.
      this.#wait(this.#retryMs);
      this.#retryMs = Math.min(2 * this.#retryMs, MOST_RETRY_MS);
    }
  }

  /** Leaves the last of a disk to the events. */
  #mayWrite(): boolean {
    const { background, folder } = this.parts;
    if (background.trouble() !== null) return false;
    const disk = attempt(() => statfsSync(folder));
    return disk === undefined || disk.bavail * disk.bsize >= LEAST_FREE_BYTES;
  }

  /** Does one step. Returns the pause after it (ms), or null if there is nothing to do. */
  async #step(): Promise<number | null> {
    const { ms, pauses, leastMs } = this.#load.isHigh() ? UNDER_LOAD : AT_REST;
    const began = performance.now();
    if (this.#stepsSinceFold >= STEPS_PER_FOLD) this.#fold();
    else if (this.#merges) await this.#merge(ms);
    else if (this.#isDue()) await this.#add(ms);
    else return null;
    return Math.max(leastMs, pauses * (performance.now() - began));
  }

  #isDue(): boolean {
    return this.parts.events.newest() - this.#upTo >= LEAST_EVENTS || this.#waiting >= LEAST_SIZE;
  }

  async #add(ms: number): Promise<void> {
    const size = this.#adding.amount(ms);
    const place = await this.#timed(this.#adding, size, () => this.#addUpTo(size));
    this.#upTo = place.id;
    if (place.id >= this.parts.events.newest()) this.#waiting = 0;
    this.#merges = ++this.#additions % ADDITIONS_PER_MERGE === 0;
  }

  async #merge(ms: number): Promise<void> {
    const pages = this.#merging.amount(ms);
    const changes = () => Number(this.sql.changes.get()?.count);
    // SQLite counts one change if there was nothing to merge.
    this.#merges = await this.#timed(this.#merging, pages, () => {
      const before = changes();
      this.sql.merge.run({ pages });
      return changes() - before > 1;
    });
  }

  async #timed<T>(pace: Pace, amount: number, unit: () => T): Promise<T> {
    let began = 0;
    const done = await this.parts.background.writeQuietly(() => {
      began = performance.now();
      return unit();
    });
    pace.took(amount, performance.now() - began);
    this.#stepsSinceFold++;
    return done;
  }

  /** Folds the log of writes into the file. */
  #fold(): void {
    this.#stepsSinceFold = 0;
    attempt(() => this.parts.db.exec("PRAGMA wal_checkpoint(PASSIVE)"));
  }

  /** Adds texts of that size together. For use inside a unit. */
  #addUpTo(size: number): Place {
    let place = this.#place();
    for (let left = size; left > 0; ) {
      const row = this.sql.next.get({ after: place.id });
      if (row === undefined) {
        place = { id: Math.max(place.id, this.parts.events.newest()), part: 0 };
        break;
      }
      const id = Number(row.id);
      const text = textOf(row);
      const end = place.part + left;
      const piece = text.slice(Math.max(0, place.part - OVERLAP), end);
      this.sql.add.run({ id, text: folded(piece) });
      left -= piece.length + PER_EVENT;
      place = end < text.length ? { id: place.id, part: end } : { id, part: 0 };
    }
    this.sql.save.run({ value: place.part === 0 ? `${place.id}` : `${place.id}+${place.part}` });
    return place;
  }

  #place(): Place {
    const [id = 0, part = 0] = String(this.sql.state.get()?.value ?? 0)
      .split("+")
      .map(Number);
    return { id, part };
  }
}

/** The text of an event that is searched. Makes no event of the row, because the index goes through a million of them. */
function textOf({ payload, payload_meta }: Row): string {
  const { title } = payload_meta === null ? {} : parseMeta(String(payload_meta));
  return title === undefined ? String(payload) : `${title}\n${payload}`;
}
