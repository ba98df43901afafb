import { noPostgres, onServer, type Server as Postgres, startPostgres } from "../../support/postgres.ts";
import type { Bench, Server } from "../bench.ts";
import { freePort } from "../ports.ts";
import { ACTIONABLE, OF_EACH } from "../seed.ts";

/** A PostgreSQL whose commits are on the disk, like those of SQLite beside it. */
export async function startDurable(): Promise<Postgres> {
  if (noPostgres !== null) throw new Error(noPostgres);
  return startPostgres(await freePort(), "fsync=on", "autovacuum=off");
}

/** So many buses on one database. */
export async function startBuses(bench: Bench, url: string, count: number): Promise<Server[]> {
  const buses: Server[] = [];
  // One after the other: the first makes the tables.
  for (let i = 0; i < count; i++) buses.push(await startOn(bench, url));
  return buses;
}

function startOn(bench: Bench, url: string): Promise<Server> {
  return bench.startBus(bench.scratch.folder(), { AGENT_EVENT_BUS_DB: url });
}

/** Buses that share the load of one side, and how to stop them. */
export interface Side {
  name: string;
  buses: readonly Server[];
}

export const portsOf = ({ buses }: Side): number[] => buses.map(({ port }) => port);

export async function stopAll(sides: readonly Side[]): Promise<void> {
  for (const { buses } of sides) for (const bus of buses) await bus.stop();
}

const STEP = 50_000;

/** A bus on a new database with so many events, the same as `seed` makes them for SQLite. */
export async function startSeededOn(postgres: Postgres, bench: Bench, count: number): Promise<Server> {
  const url = await postgres.database();
  await (await startOn(bench, url)).stop();
  for (let from = 0; from < count; from += STEP)
    await onServer(
      url,
      `INSERT INTO events (id, event_type, payload, session_id, timestamp, channel, correlation_id, origin)
      SELECT i + 1, CASE i / ${OF_EACH} % ${OF_EACH} WHEN 0 THEN '${ACTIONABLE}' ELSE 'type-' || (i / ${OF_EACH} % ${OF_EACH}) END,
        rpad(i::text, 120), 'bench', to_timestamp(1700000000 + i), 'repo:r' || (i % ${OF_EACH}),
        'c' || (i / ${OF_EACH * OF_EACH} % ${OF_EACH}), 'local'
      FROM generate_series(${from}, ${Math.min(from + STEP, count) - 1}) AS i`,
    );
  await onServer(url, `UPDATE sequencer SET last = ${count}`);
  // As if the index of texts were filled, which takes long.
  await onServer(url, `INSERT INTO events_text (id, text) VALUES (${count}, '')`);
  await onServer(url, "VACUUM (ANALYZE) events");
  return startOn(bench, url);
}
