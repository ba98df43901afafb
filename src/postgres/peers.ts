import type { Peers, Word } from "../domain/peers.ts";
import { CHANNEL } from "./announcement.ts";
import { type Connection, statements } from "./connection.ts";

const SQL = statements({
  // True as the first column if others may have forgotten this bus.
  beat: `INSERT INTO buses (id, host, port, version, until) VALUES ($own, $host, $port, $version, now() + interval '6 seconds')
    ON CONFLICT (id) DO UPDATE SET until = excluded.until, port = excluded.port RETURNING xmax = 0 AS is_new`,
  leave: "WITH gone AS (DELETE FROM buses WHERE id = $own) DELETE FROM holds WHERE bus = $own",
  tidy: `WITH gone AS (DELETE FROM buses WHERE until < now() - interval '1 minute' RETURNING id)
    DELETE FROM holds WHERE until < now() - interval '1 minute' OR bus IN (SELECT id FROM gone)`,
  hold: `INSERT INTO holds (key, bus, value) SELECT key, $own, value FROM unnest($keys::text[], $values::text[]) AS new (key, value)
    ON CONFLICT (key, bus) DO UPDATE SET value = excluded.value`,
  drop: "DELETE FROM holds WHERE bus = $own AND key = ANY ($keys::text[])",
  others: `SELECT buses.id, key, value FROM buses LEFT JOIN holds ON bus = buses.id WHERE buses.id <> $own AND buses.until > now()`,
  tell: `SELECT pg_notify('${CHANNEL}', $told)`,
  // Leases and notes are of no bus, so that there is one of each name.
  take: `INSERT INTO holds (key, bus, value, until) VALUES ($key, '', $own, now() + $ms::float8 * interval '1 millisecond')
    ON CONFLICT (key, bus) DO UPDATE SET value = excluded.value, until = excluded.until
    WHERE holds.until < now() OR holds.value = excluded.value
      OR NOT EXISTS (SELECT FROM buses WHERE id = holds.value AND buses.until > now()) RETURNING key`,
  give: "DELETE FROM holds WHERE key = $key AND bus = '' AND value = $own",
  put: `INSERT INTO holds (key, bus, value, until) VALUES ($key, '', $value, now() + $ms::float8 * interval '1 millisecond')
    ON CONFLICT (key, bus) DO UPDATE SET value = excluded.value, until = excluded.until`,
  pull: "DELETE FROM holds WHERE key = $key AND bus = '' RETURNING value, until > now() AS holds",
});

const BEAT_MS = 2_000;
/** Changes of this time go to the others together. */
const TOGETHER_MS = 20;
/** A lease for less time need not be written while there are no others. */
const BRIEF_MS = 60_000;
/** PostgreSQL takes no longer notification. */
const MOST_CHARACTERS = 1_500;

export interface PeersOptions {
  connection: Connection;
  /** Stands for this process. */
  own: string;
  host: string;
  version: string;
}

/** The other buses of the database. All of it is worth nothing after a crash: whatever fails is said again by the next beat. */
export class PostgresPeers implements Peers {
  readonly #options: PeersOptions;
  readonly #listeners: ((word: Word) => void)[] = [];
  readonly #holds = new Map<string, string>();
  readonly #changed = new Set<string>();
  #others: ReadonlyMap<string, readonly string[]> = new Map();
  #isAlone = true;
  #port = 0;
  #timer: ReturnType<typeof setInterval> | undefined;
  #flushing: ReturnType<typeof setTimeout> | undefined;

  constructor(options: PeersOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    await this.#beat();
    this.#timer = setInterval(() => this.#beat().catch(() => {}), BEAT_MS);
    this.#timer.unref();
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    clearTimeout(this.#flushing);
    await this.#run(SQL.leave).catch(() => {});
  }

  /** The port of this bus, for people. */
  listensAt(port: number): void {
    this.#port = port;
    this.#beat().catch(() => {});
  }

  hold(key: string, value: string | undefined): void {
    if (value === undefined) this.#holds.delete(key);
    else this.#holds.set(key, value);
    this.#changed.add(key);
    this.#flushing ??= setTimeout(() => this.#flush().catch(() => {}), TOGETHER_MS);
  }

  held(key: string): readonly string[] {
    return this.#others.get(key) ?? [];
  }

  tell(word: Word): void {
    if (this.#isAlone || word.key.length > MOST_CHARACTERS) return;
    this.#say({ word });
  }

  listen(onWord: (word: Word) => void): void {
    this.#listeners.push(onWord);
  }

  /** Passes on the word of another bus. */
  hear(word: Word): void {
    for (const onWord of this.#listeners) onWord(word);
  }

  async take(lease: string, ms: number): Promise<boolean> {
    if (this.#isAlone && ms < BRIEF_MS) return true;
    return (await this.#run(SQL.take, { key: lease, ms })).length > 0;
  }

  async give(lease: string): Promise<void> {
    if (!this.#isAlone) await this.#run(SQL.give, { key: lease });
  }

  async put(note: string, value: string, ms: number): Promise<void> {
    await this.#run(SQL.put, { key: note, value, ms });
  }

  async pull(note: string): Promise<string | undefined> {
    const [row] = await this.#run(SQL.pull, { key: note });
    return row?.holds === true ? String(row.value) : undefined;
  }

  /** Reads what calls of other buses hold. */
  async look(): Promise<void> {
    const rows = await this.#run(SQL.others);
    const found = new Map<string, string[]>();
    for (const { key, value } of rows)
      if (key !== null) found.set(String(key), [...(found.get(String(key)) ?? []), String(value)]);
    this.#others = found;
    this.#isAlone = rows.length === 0;
  }

  async #beat(): Promise<void> {
    const { host, version } = this.#options;
    const [row] = await this.#run(SQL.beat, { host, port: this.#port, version });
    if (row?.is_new === true) {
      for (const key of this.#holds.keys()) this.#changed.add(key);
      await this.#flush();
    }
    await this.#run(SQL.tidy);
    await this.look();
  }

  async #flush(): Promise<void> {
    this.#flushing = undefined;
    const changed = [...this.#changed];
    this.#changed.clear();
    const keys = changed.filter((key) => this.#holds.has(key));
    try {
      const gone = changed.filter((key) => !this.#holds.has(key));
      if (gone.length > 0) await this.#run(SQL.drop, { keys: gone });
      if (keys.length > 0)
        await this.#run(SQL.hold, { keys, values: keys.map((key) => this.#holds.get(key)) });
    } catch (error) {
      for (const key of changed) this.#changed.add(key);
      throw error;
    }
    this.#say({ holds: true });
  }

  #say(told: object): void {
    this.#run(SQL.tell, { told: JSON.stringify({ by: this.#options.own, ...told }) }).catch(() => {});
  }

  #run(statement: (typeof SQL)[keyof typeof SQL], params: Record<string, unknown> = {}) {
    const { connection, own } = this.#options;
    return connection.run(statement, { own, ...params });
  }
}
