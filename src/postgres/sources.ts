import { mappingOf, type NewSource, type Source, type Sources } from "../domain/source.ts";
import { type Connection, type Row, statements } from "./connection.ts";
import { Table } from "./parts.ts";
import type { Transaction } from "./transaction.ts";

const SELECT = `SELECT source_id, name, kind, secret, secret_old, secret_old_until, mapping, created_at, last_event_id, last_arrival
  FROM sources`;

const SQL = statements({
  list: `${SELECT} ORDER BY source_id`,
  get: `${SELECT} WHERE name = $name`,
  exists: "SELECT 1 AS found FROM sources WHERE source_id = $id",
  room: "SELECT count(*) AS count, count(*) FILTER (WHERE name = $name) AS taken FROM sources",
  insert: `INSERT INTO sources (name, kind, secret, mapping, created_at)
    VALUES ($name, $kind, $secret, $mapping, $createdAt)`,
  rotate:
    "UPDATE sources SET secret_old = secret, secret_old_until = $until, secret = $secret WHERE name = $name",
  remove: "DELETE FROM sources WHERE name = $name",
  arrived: "UPDATE sources SET last_event_id = $eventId, last_arrival = $at WHERE source_id = $id",
  keep: "INSERT INTO arrivals (source_id, key, event_id) SELECT $id, unnest($keys::text[]), $eventId",
  find: "SELECT event_id FROM arrivals WHERE source_id = $id AND key = ANY ($keys::text[]) LIMIT 1",
});

/** Sources, and the keys by which an arrival is known again. */
export class SourceTable extends Table implements Sources {
  async list(): Promise<readonly Source[]> {
    return (await this.rows(SQL.list)).map(sourceOfRow);
  }

  add({ name, kind, secret, mapping }: NewSource, most: number): Promise<Source | null> {
    return this.parts.writer.write(async (transaction) => {
      const [room] = await transaction.run(SQL.room, { name });
      if (Number(room?.count) >= most || Number(room?.taken) > 0) return null;
      const createdAt = this.at();
      await transaction.run(SQL.insert, { name, kind, secret, mapping: JSON.stringify(mapping), createdAt });
      return (await transaction.run(SQL.get, { name })).map(sourceOfRow)[0] ?? null;
    });
  }

  rotate(name: string, secret: string, until: number): Promise<boolean> {
    return this.parts.writer.write(
      async (transaction) => (await transaction.run(SQL.rotate, { name, secret, until })).count > 0,
    );
  }

  remove(name: string): Promise<boolean> {
    return this.parts.writer.write(
      async (transaction) => (await transaction.run(SQL.remove, { name })).count > 0,
    );
  }

  eventOf(sourceId: number, keys: readonly string[]): Promise<number | undefined> {
    return this.reading((connection) => this.#find(connection, sourceId, keys));
  }

  /** True if an arrival with these keys may become an event. */
  async isNew(transaction: Transaction, id: number, keys: readonly string[]): Promise<boolean> {
    if ((await transaction.run(SQL.exists, { id })).length === 0) return false;
    return (await this.#find(transaction, id, keys)) === undefined;
  }

  async arrived(
    transaction: Transaction,
    id: number,
    keys: readonly string[],
    eventId: number,
  ): Promise<void> {
    await transaction.run(SQL.arrived, { id, eventId, at: this.at() });
    await transaction.run(SQL.keep, { id, keys: [...new Set(keys)], eventId });
  }

  async #find(connection: Connection, id: number, keys: readonly string[]): Promise<number | undefined> {
    const [found] = await connection.run(SQL.find, { id, keys });
    return found === undefined ? undefined : Number(found.event_id);
  }
}

function sourceOfRow(row: Row): Source {
  return { ...row, mapping: mappingOf(String(row.mapping)) } as unknown as Source;
}
