import { statfsSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { dataDirectory, environment, settingsFile } from "../config/client.ts";
import { serverConfig } from "../config/server.ts";
import { counted, quoted } from "../lib/escape.ts";
import type { Json } from "../lib/json.ts";
import { type Kept, keptIn, realOf, tooOpen } from "../lib/permissions.ts";
import { hasStrayWal, lonelyWal, strayWal } from "../sqlite/foreign_wal.ts";
import { SCHEMA_VERSION } from "../sqlite/schema.ts";
import { type Survey, surveyDatabase } from "../sqlite/summary.ts";
import { openTokens } from "../tokens/token_files.ts";
import { existingDatabase } from "./place.ts";
import { damaged, type Reason, reasonOf } from "./reason.ts";

/** The result of one check. */
export interface Finding {
  what: string;
  ok: boolean;
  found: string;
  repair?: string;
}

const LEAST_FREE_BYTES = 64 * 1024 * 1024;
/** File systems of a network, whose locks SQLite cannot trust (Linux's magic numbers): NFS, SMB, CIFS, SMB2, AFS, 9P. */
const NETWORK = new Set([0x6969, 0x517b, 0xff534d42, 0xfe534d42, 0x5346414f, 0x01021997]);

/** Checks the database, its files and their place. Changes nothing. Every problem comes with its repair. */
export async function check(args: { db?: string | undefined }): Promise<Json> {
  const db = existingDatabase(args.db);
  const checks = checkDatabase(db);
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

/** A log of writes without its database, and the repair. Null if there is no such log. */
export function lostDatabase(db: string): Reason | null {
  return lonelyWal(db);
}

function contents(db: string, whole: boolean): Finding[] {
  const lost = lostDatabase(db);
  if (lost !== null) return [{ what: "log of writes", ok: false, ...lost }];
  if (hasStrayWal(db)) {
    const wal = `${realOf(db)}-wal`;
    const repair = `stop the bus, then: rm -f ${quoted(wal)} ${quoted(`${realOf(db)}-shm`)}`;
    return [{ what: "log of writes", ok: false, found: strayWal(db), repair }];
  }
  try {
    const survey = surveyDatabase(db, { whole });
    return [...(whole ? [integrity(survey, db)] : []), schema(survey), holdings(survey)];
  } catch (error) {
    return [{ what: "integrity", ok: false, ...reasonOf(error, db) }];
  }
}

function integrity(survey: Survey, db: string): Finding {
  const ok = survey.integrity === "ok";
  return { what: "integrity", ok, ...(ok ? { found: "ok" } : damaged(survey.integrity, db)) };
}

function schema({ schema_version: version }: Survey): Finding {
  const found = `version ${version}, known up to ${SCHEMA_VERSION}`;
  if (version === 0)
    return {
      what: "schema",
      ok: false,
      found: "no database of a bus",
      repair: "give the bus's with --db or AGENT_EVENT_BUS_DB",
    };
  return version <= SCHEMA_VERSION
    ? { what: "schema", ok: true, found }
    : { what: "schema", ok: false, found, repair: "install the newer release that wrote it" };
}

function holdings({ events, sessions, webhooks, pending_deliveries }: Survey): Finding {
  const found = `${counted(events, "event")}, ${counted(sessions, "session")}, ${counted(webhooks, "webhook")}, ${pending_deliveries} deliveries pending`;
  return { what: "contents", ok: true, found };
}

function sizes(db: string): Finding[] {
  const real = realOf(db);
  const folder = dirname(real);
  const { bavail, bsize } = statfsSync(folder);
  const free = bavail * bsize;
  return [
    {
      what: "size",
      ok: true,
      found: `database ${bytes(sizeOf(real))}, log of writes ${bytes(sizeOf(`${real}-wal`))}`,
    },
    {
      what: "free space",
      ok: free >= LEAST_FREE_BYTES,
      found: bytes(free),
      ...(free < LEAST_FREE_BYTES && { repair: `free some space on the disk of ${folder}` }),
    },
  ];
}

/** True for Linux's number of a network file system. */
export function isNetwork(type: number): boolean {
  return NETWORK.has(type);
}

function place(db: string): Finding {
  const remote = process.platform === "linux" && isNetwork(statfsSync(dirname(realOf(db))).type);
  return remote
    ? {
        what: "file system",
        ok: false,
        found: "a network file system, whose locks are not reliable",
        repair: "move the database to a disk of this machine (AGENT_EVENT_BUS_DB)",
      }
    : { what: "file system", ok: true, found: "on this machine" };
}

function permissions(db: string): Finding {
  const config = serverConfig({ db }, environment, settingsFile());
  const kept = keptIn({ db, logs: [config.log, config.err], folder: dataDirectory() });
  const owner = ownerOf(db);
  const open = tooOpen(kept);
  const foreign = kept.filter((one) => one.owner !== owner);
  if (open.length + foreign.length === 0)
    return { what: "permissions", ok: true, found: "for the owner only" };
  const found = [
    ...open.map(({ path, found }) => `${path} has mode ${found.toString(8)}`),
    ...foreign.map((one) => `${one.path} belongs to user ${one.owner}, not ${owner}`),
  ];
  const repair = [
    ...commandOn(`sudo chown ${owner}`, foreign),
    ...[0o700, 0o600].flatMap((mode) =>
      commandOn(
        `chmod ${mode.toString(8)}`,
        open.filter((one) => one.mode === mode),
      ),
    ),
  ];
  return { what: "permissions", ok: false, found: found.join(", "), repair: repair.join(" && ") };
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
  return {
    what: "tokens",
    ok: broken.length === 0,
    found: broken.length === 0 ? `${valid} valid` : `no tokens: ${broken.join(", ")}`,
    ...(broken.length > 0 && { repair: "remove these files, and make the tokens again (token create)" }),
  };
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
