import { OpenError } from "../domain/context.ts";
import { type Connection, statement } from "./connection.ts";

/** PostgreSQL 14. */
const LEAST_VERSION = 140_000;

/** The server and the database, as the first connection finds them. */
export interface Facts {
  /** As PostgreSQL numbers its releases: 150006 is 15.6. */
  version: number;
  isReplica: boolean;
  isReadOnly: boolean;
  synchronousCommit: string;
}

const FACTS =
  statement(`SELECT current_setting('server_version_num')::int AS version, pg_is_in_recovery() AS is_replica,
  current_setting('transaction_read_only') = 'on' AS is_read_only, current_setting('synchronous_commit') AS synchronous_commit`);

/** @throws OpenError when a bus cannot use the database. `shown`: its place, without secrets. */
export async function expectUsable(connection: Connection, shown: string): Promise<void> {
  const [row] = await connection.run(FACTS);
  const problem = problemOf({
    version: Number(row?.version),
    isReplica: row?.is_replica === true,
    isReadOnly: row?.is_read_only === true,
    synchronousCommit: String(row?.synchronous_commit),
  });
  if (problem !== null) throw new OpenError(`The database ${shown} ${problem}`);
}

/** Why a bus cannot use a database, as the rest of a sentence. Null if it can. */
export function problemOf({ version, isReplica, isReadOnly, synchronousCommit }: Facts): string | null {
  if (version < LEAST_VERSION)
    return `is on PostgreSQL ${Math.floor(version / 10_000)}, but the bus needs 14 or later. Update the server.`;
  if (isReplica) return "is a read-only replica. Give the bus the primary server.";
  if (isReadOnly)
    return "takes reads only (default_transaction_read_only). Give the bus a database that takes writes.";
  if (synchronousCommit === "off")
    return "has synchronous_commit=off, which could lose acknowledged events. Run there: ALTER DATABASE … SET synchronous_commit = on";
  return null;
}

/** How the text of an error tells its reason, and what to do. */
const REASONS: readonly [pattern: RegExp, what: string, advice: string][] = [
  [
    /does not support SSL/i,
    "does not encrypt connections",
    "Add sslmode=disable to the URL if the network is yours",
  ],
  [
    /certificate|self.signed|altname/i,
    "has a certificate that cannot be checked",
    "Add sslrootcert=FILE to the URL, with the certificate of its authority",
  ],
  [
    /client password must be|no password supplied/i,
    "asks for a password",
    "Put it into the URL in settings.env, or into a file that PGPASSFILE names",
  ],
  [
    /password authentication failed/i,
    "refuses the password",
    "Correct it in AGENT_EVENT_BUS_DB or the file of PGPASSFILE",
  ],
];

/** The same by the codes of PostgreSQL. */
const CODES: readonly [pattern: RegExp, what: string, advice: string][] = [
  [/^28/, "refuses the user", "Correct the user in AGENT_EVENT_BUS_DB, or pg_hba.conf on the server"],
  [/^3D000$/, "does not exist", "Make it: createdb"],
  [/^42501$/, "does not let the user make tables", "Let the user of the bus own the database"],
  [
    /^(0A000|58P01|22023)$/,
    "lacks the extension pg_trgm",
    "Install it: on Debian, postgresql-contrib is part of the server",
  ],
  [/^53300$/, "has no connection left", "Raise max_connections there. A bus needs ten"],
  [/^53100$/, "has a full disk", "Free some space there"],
  [/^55P03$/, "is being changed by another agent-event-bus", "Try again when that has ended"],
  [/^42P07$/, "holds tables of another program", "Give the bus a database of its own: createdb"],
  [/^57P03$/, "is not ready yet", "Start the bus again in a moment"],
  [/^(08|57P0[12])/, "cannot be reached", "Start the server, or correct AGENT_EVENT_BUS_DB"],
];

/** The reason why a database could not be opened, as one line. Errors that tell nothing of that stay as they are. */
export function openError(error: unknown, shown: string): unknown {
  if (!(error instanceof Error) || error instanceof OpenError) return error;
  const code = String((error as { code?: unknown }).code ?? "");
  const known =
    REASONS.find(([pattern]) => pattern.test(error.message)) ?? CODES.find(([pattern]) => pattern.test(code));
  if (known === undefined) return error;
  const [, what, advice] = known;
  return new OpenError(`The database ${shown} ${what} (${error.message.split("\n")[0]}). ${advice}.`);
}
