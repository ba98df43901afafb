import { statSync } from "node:fs";
import { resolve } from "node:path";
import { environment, settingsFile } from "../config/client.ts";
import type { Environment } from "../config/parse_settings.ts";
import type { PostgresPlace } from "../config/postgres.ts";
import { databasePath, postgresIn } from "../config/server.ts";
import { realOf } from "../lib/permissions.ts";
import { kindOf } from "../sqlite/fitness.ts";
import { lonelyWal } from "../sqlite/foreign_wal.ts";

/** The database of a command on files, without links on its path. @throws Error when it is not a file. */
export function databaseOf(flag: string | undefined, settings: Environment = settingsFile()): string {
  const server = postgresIn(flag, environment, settings);
  if (server !== null)
    throw new Error(
      `The database is ${server.shown}, and this command works on a file. See docs/scale.md for the ways of PostgreSQL.`,
    );
  const db = realOf(resolve(databasePath(flag, environment, settings)));
  const found = statSync(db, { throwIfNoEntry: false });
  if (found !== undefined && !found.isFile())
    throw new Error(
      `${db} is ${kindOf(found)}, not a file. Name the bus's database with --db or AGENT_EVENT_BUS_DB.`,
    );
  return db;
}

/** The PostgreSQL database of a command. Null if the database is a file. */
export function postgresOf(flag: string | undefined): PostgresPlace | null {
  return postgresIn(flag, environment, settingsFile());
}

/** The database of a command on files. @throws Error with a sentence when there is no database. */
export function existingDatabase(flag: string | undefined): string {
  const db = databaseOf(flag);
  const lonely = lonelyWal(db);
  if (lonely !== null) throw new Error(`${lonely.found}. To recover its data, ${lonely.repair}.`);
  if (statSync(db, { throwIfNoEntry: false }) === undefined)
    throw new Error(
      `There is no database at ${db}. Name the bus's database with --db or AGENT_EVENT_BUS_DB.`,
    );
  return db;
}
