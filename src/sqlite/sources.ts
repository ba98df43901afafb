import { mappingOf, type NewSource, type Source, type Sources } from "../domain/source.ts";
import type { Row } from "../runtime/runtime.ts";
import { type Parts, Table } from "./parts.ts";
import { wireTime, wireTimeOrNull } from "./time.ts";

const SQL = {
  list: "SELECT * FROM sources ORDER BY source_id",
  insert: `INSERT INTO sources (name, kind, secret, mapping, created_at)
    VALUES ($name, $kind, $secret, $mapping, $createdAt)`,
  rotate:
    "UPDATE sources SET secret_old = secret, secret_old_until = $until, secret = $secret WHERE name = $name",
  remove: "DELETE FROM sources WHERE name = $name",
  arrived: "UPDATE sources SET last_event_id = $eventId, last_arrival = $at WHERE source_id = $id",
  keep: "INSERT INTO arrivals (source_id, key, event_id) VALUES ($id, $key, $eventId)",
  find: "SELECT event_id FROM arrivals WHERE source_id = $id AND key = $key",
};

/** Sources, and the keys by which an arrival is known again. */
export class SourceTable extends Table<keyof typeof SQL> implements Sources {
  constructor(parts: Parts) {
    super(parts, SQL);
  }

  list(): Promise<readonly Source[]> {
    return this.writer.read(() => this.#all());
  }

  add({ name, kind, secret, mapping }: NewSource, most: number): Promise<Source | null> {
    return this.writer.write(() => {
      const known = this.#all();
      if (known.length >= most || known.some((one) => one.name === name)) return null;
      const createdAt = this.at();
      this.sql.insert.run({ name, kind, secret, mapping: JSON.stringify(mapping), createdAt });
      return this.#all().at(-1) ?? null;
    });
  }

  rotate(name: string, secret: string, until: number): Promise<boolean> {
    return this.writer.write(() => this.sql.rotate.run({ name, secret, until }).changes > 0);
  }

  remove(name: string): Promise<boolean> {
    return this.writer.write(() => this.sql.remove.run({ name }).changes > 0);
  }

  eventOf(sourceId: number, keys: readonly string[]): Promise<number | undefined> {
    return this.writer.read(() => this.find(sourceId, keys));
  }

  /** True if an arrival with these keys may become an event. */
  isNew(sourceId: number, keys: readonly string[]): boolean {
    return (
      this.#all().some(({ source_id }) => source_id === sourceId) && this.find(sourceId, keys) === undefined
    );
  }

  find(id: number, keys: readonly string[]): number | undefined {
    for (const key of keys) {
      const row = this.sql.find.get({ id, key });
      if (row !== undefined && row !== null) return Number(row.event_id);
    }
    return undefined;
  }

  arrived(id: number, keys: readonly string[], eventId: number): void {
    this.sql.arrived.run({ id, eventId, at: this.at() });
    for (const key of new Set(keys)) this.sql.keep.run({ id, key, eventId });
  }

  #all(): Source[] {
    return this.sql.list.all().map(sourceOfRow);
  }
}

function sourceOfRow(row: Row): Source {
  const changed = {
    mapping: mappingOf(String(row.mapping)),
    created_at: wireTime(row.created_at),
    last_arrival: wireTimeOrNull(row.last_arrival),
  };
  return { ...row, ...changed } as unknown as Source;
}
