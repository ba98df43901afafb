import type { TokenAdmin } from "../domain/token.ts";
import { connect, type Pool, statement } from "./connection.ts";
import { expectUsable, openError } from "./open.ts";
import { prepare } from "./schema.ts";
import { TokenTable } from "./tokens.ts";

export interface Place {
  url: string;
  /** The same without secrets. */
  shown: string;
}

/** Works on the tokens of a database, whether a bus runs or not. @throws OpenError when it cannot be used. */
export function withTokens<T>(place: Place, work: (tokens: TokenAdmin) => Promise<T>): Promise<T> {
  return withPool(place, async (pool) => {
    await prepare(pool);
    return work(new TokenTable(pool, Date.now));
  });
}

/** The contents of a database, and whether they are whole. */
export interface Survey {
  /** As PostgreSQL names its release. */
  server: string;
  schema_version: number;
  events: number;
  sessions: number;
  webhooks: number;
  pending_deliveries: number;
  /** Number of ids that the log lacks. */
  missing: number;
  /** Running buses, as host and port. */
  buses: string[];
  bytes: number;
}

const SURVEY =
  statement(`SELECT current_setting('server_version') AS server, (SELECT max(version) FROM schema_version) AS schema_version,
  (SELECT count(*) FROM events) AS events, (SELECT count(*) FROM sessions WHERE deleted_at IS NULL) AS sessions,
  (SELECT count(*) FROM webhooks) AS webhooks, (SELECT count(*) FROM deliveries WHERE state = 'pending') AS pending_deliveries,
  (SELECT last FROM sequencer) - (SELECT count(*) FROM events)
    - coalesce((SELECT value::bigint FROM bus WHERE key = 'gaps'), 0) AS missing, pg_database_size(current_database()) AS bytes,
  array(SELECT host || ':' || port FROM buses WHERE until > now() ORDER BY 1) AS buses`);

/** Looks at a database. Changes nothing. @throws OpenError when it cannot be used. */
export function surveyOf(place: Place): Promise<Survey> {
  return withPool(place, async (pool) => (await pool.run(SURVEY))[0] as unknown as Survey);
}

/** @throws OpenError when the database cannot be used. `other`: like that of `connect`. */
export async function withPool<T>(
  place: Place,
  work: (pool: Pool) => Promise<T>,
  other?: Parameters<typeof connect>[1],
): Promise<T> {
  const pool = connect(place.url, other);
  try {
    await expectUsable(pool, place.shown);
    return await work(pool);
  } catch (error) {
    throw openError(error, place.shown);
  } finally {
    await pool.close();
  }
}
