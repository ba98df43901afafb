import { environment, settingsFile } from "../config/client.ts";
import type { PostgresPlace } from "../config/postgres.ts";
import { postgresIn } from "../config/server.ts";
import { counted } from "../lib/escape.ts";
import type { Survey } from "../postgres/admin.ts";
import type { Finding } from "./finding.ts";

/** The PostgreSQL database of a command. Null if the database is a file. */
export function postgresOf(flag: string | undefined): PostgresPlace | null {
  return postgresIn(flag, environment, settingsFile());
}

/** Checks a database on PostgreSQL. Every problem comes with its repair. */
export async function checkServer(place: PostgresPlace): Promise<Finding[]> {
  // The package is loaded only here.
  const { surveyOf } = await import("../postgres/admin.ts");
  try {
    return findingsOf(await surveyOf(place));
  } catch (error) {
    return [{ what: "server", ok: false, found: (error as Error).message, repair: "see docs/scale.md" }];
  }
}

function findingsOf(found: Survey): Finding[] {
  const { server, schema_version, events, sessions, webhooks, pending_deliveries, missing, buses } = found;
  const held = [counted(events, "event"), counted(sessions, "session"), counted(webhooks, "webhook")];
  const log = { what: "log", found: missing === 0 ? "every id is there" : `${missing} ids are missing` };
  return [
    { what: "server", ok: true, found: `PostgreSQL ${server}` },
    { what: "schema", ok: true, found: `version ${schema_version}` },
    { what: "contents", ok: true, found: [...held, `${pending_deliveries} deliveries pending`].join(", ") },
    missing === 0 ? { ...log, ok: true } : { ...log, ok: false, repair: "restore a backup of the server" },
    { what: "buses", ok: true, found: buses.length === 0 ? "none runs" : buses.join(", ") },
  ];
}
