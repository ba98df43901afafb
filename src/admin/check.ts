import { statfsSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { dataDirectory, environment, settingsFile } from "../config/client.ts";
import type { PostgresPlace } from "../config/postgres.ts";
import { serverConfig } from "../config/server.ts";
import { counted, quoted } from "../lib/escape.ts";
import type { Json } from "../lib/json.ts";
import { type Kept, keptIn, realOf, tooOpen } from "../lib/permissions.ts";
import type { Survey as ServerSurvey } from "../postgres/admin.ts";
import { lonelyWal, strayWal } from "../sqlite/foreign_wal.ts";
import { SCHEMA_VERSION } from "../sqlite/schema.ts";
import { hasBadIndexesAlone, type Survey, surveyDatabase } from "../sqlite/summary.ts";
import { openTokens } from "../tokens/token_files.ts";
import { existingDatabase, postgresOf } from "./place.ts";
import { badIndex, damaged, type Reason, reasonOf } from "./reason.ts";

/** The result of one check. */
export interface Finding {
  what: string;
  ok: boolean;
  found: string;
  repair?: string;
}

const good = (what: string, found: string): Finding => ({ what, ok: true, found });
const bad = (what: string, { found, repair }: Reason): Finding => ({ what, ok: false, found, repair });

const LEAST_FREE_BYTES = 64 * 1024 * 1024;
/** File systems of a network, whose locks SQLite cannot trust (Linux's magic numbers): NFS, SMB, CIFS, SMB2, AFS, 9P. */
const NETWORK = new Set([0x6969, 0x517b, 0xff534d42, 0xfe534d42, 0x5346414f, 0x01021997]);

/** Checks the database, its files and their place. Changes nothing. Every problem comes with its repair. */
export async function check(args: { db?: string | undefined }): Promise<Json> {
  const server = postgresOf(args.db);
  const db = server?.shown ?? existingDatabase(args.db);
  const checks = server === null ? checkDatabase(db) : await checkServer(server);
  const bad = checks.filter(({ ok }) => !ok).length;
  return {
    database: db,
    checks,
    ...(bad > 0 && { error: `${bad} of ${checks.length} checks found a problem.` }),
  };
}

/** Checks a database that exists, and its other files. Its pages are checked only with `whole`. */
export function checkDatabase(db: string, { whole } = { whole: true }): Finding[] {
  return [...contents(db, whole), ...sizes(db), place(db), permissions(db), tokens(db)];
}

/** Checks a database on PostgreSQL. Every problem comes with its repair. */
export async function checkServer(place: PostgresPlace): Promise<Finding[]> {
  // The package is loaded only here.
  const { surveyOf } = await import("../postgres/index.ts");
  try {
    return findingsOf(await surveyOf(place));
  } catch (error) {
    return [{ what: "server", ok: false, found: (error as Error).message, repair: "see docs/scale.md" }];
  }
}

function findingsOf(found: ServerSurvey): Finding[] {
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

/** A log of writes without its database, and the repair. Null if there is no such log. */
export const lostDatabase: (db: string) => Reason | null = lonelyWal;

function contents(db: string, whole: boolean): Finding[] {
  const lost = lostDatabase(db);
  if (lost !== null) return [bad("write-ahead log", lost)];
  const found = strayWal(db);
  if (found !== null) {
    const [wal, shm] = ["-wal", "-shm"].map((end) => quoted(`${realOf(db)}${end}`));
    return [bad("write-ahead log", { found, repair: `stop the bus, then run: rm -f ${wal} ${shm}` })];
  }
  try {
    const survey = surveyDatabase(db, { whole });
    return [...(whole ? [integrity(survey, db)] : []), schema(survey), holdings(survey)];
  } catch (error) {
    return [bad("integrity", reasonOf(error, db))];
  }
}

function integrity({ integrity: found }: Survey, db: string): Finding {
  if (found === "ok") return good("integrity", found);
  return bad("integrity", (hasBadIndexesAlone(db) ? badIndex : damaged)(found, db));
}

function schema({ schema_version: version }: Survey): Finding {
  const repair = "name the bus's database with --db or AGENT_EVENT_BUS_DB";
  if (version === 0) return bad("schema", { found: "not a database of a bus", repair });
  const found = `version ${version}, supported up to ${SCHEMA_VERSION}`;
  if (version <= SCHEMA_VERSION) return good("schema", found);
  return bad("schema", { found, repair: "install the newer release that wrote it" });
}

function holdings({ events, sessions, webhooks, pending_deliveries }: Survey): Finding {
  const held = [counted(events, "event"), counted(sessions, "session"), counted(webhooks, "webhook")];
  return good("contents", [...held, `${pending_deliveries} deliveries pending`].join(", "));
}

function sizes(db: string): Finding[] {
  const real = realOf(db);
  const folder = dirname(real);
  const { bavail, bsize } = statfsSync(folder);
  const free = bavail * bsize;
  const space = { what: "free space", found: bytes(free) };
  const repair = `free some space on the disk of ${folder}`;
  return [
    good("size", `database ${bytes(sizeOf(real))}, write-ahead log ${bytes(sizeOf(`${real}-wal`))}`),
    free >= LEAST_FREE_BYTES ? { ...space, ok: true } : { ...space, ok: false, repair },
  ];
}

/** True for Linux's number of a network file system. */
export const isNetwork = (type: number): boolean => NETWORK.has(type);

function place(db: string): Finding {
  const remote = process.platform === "linux" && isNetwork(statfsSync(dirname(realOf(db))).type);
  if (!remote) return good("file system", "on this machine");
  return bad("file system", {
    found: "a network file system, whose locks are not reliable",
    repair: "move the database to a disk of this machine (AGENT_EVENT_BUS_DB)",
  });
}

function permissions(db: string): Finding {
  const config = serverConfig({ db }, environment, settingsFile());
  const kept = keptIn({ db, logs: [config.log, config.err], folder: dataDirectory() });
  const owner = ownerOf(db);
  const open = tooOpen(kept);
  const foreign = kept.filter((one) => one.owner !== owner);
  if (open.length + foreign.length === 0) return good("permissions", "private to the owner");
  const found = [
    ...open.map(({ path, found }) => `${path} has mode ${found.toString(8)}`),
    ...foreign.map((one) => `${one.path} belongs to user ${one.owner}, not ${owner}`),
  ];
  const ofMode = (mode: number) => open.filter((one) => one.mode === mode);
  const repair = [
    ...commandOn(`sudo chown ${owner}`, foreign),
    ...commandOn("chmod 700", ofMode(0o700)),
    ...commandOn("chmod 600", ofMode(0o600)),
  ];
  return bad("permissions", { found: found.join(", "), repair: repair.join(" && ") });
}

/** The rightful owner of the files. Root checks them for the owner of the database. */
function ownerOf(db: string): number {
  const user = process.getuid?.() ?? -1;
  return user === 0 ? statSync(db).uid : user;
}

function commandOn(command: string, files: readonly Kept[]): string[] {
  return files.length === 0 ? [] : [`${command} ${files.map(({ path }) => quoted(path)).join(" ")}`];
}

function tokens(db: string): Finding {
  const store = openTokens(db, Date.now);
  const broken = store.broken();
  const valid = store.list().filter(({ state }) => state === "valid").length;
  if (broken.length === 0) return good("tokens", `${valid} valid`);
  const repair = "remove these files and create the tokens again (token create)";
  return bad("tokens", { found: `not token files: ${broken.join(", ")}`, repair });
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

function bytes(count: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let size = count;
  let unit = 0;
  for (; size >= 1000 && unit < units.length - 1; unit++) size /= 1000;
  return `${unit === 0 ? size : size.toFixed(1)} ${units[unit]}`;
}
