import { statSync } from "node:fs";
import { resolve } from "node:path";
import { settingsPath } from "../config/client.ts";
import type { PostgresPlace } from "../config/postgres.ts";
import { databaseAt } from "../config/server.ts";
import { VARIABLES } from "../config/variables.ts";
import type { Contents } from "../domain/moving.ts";
import { attempt } from "../lib/attempt.ts";
import { type Desk, UsageError } from "../lib/command.ts";
import { counted } from "../lib/escape.ts";
import type { Json } from "../lib/json.ts";
import { realOf } from "../lib/permissions.ts";
import { tilde } from "../lib/tilde.ts";
import { troubleAt } from "../sqlite/faults.ts";
import { lonelyWal } from "../sqlite/foreign_wal.ts";
import { fillFile, readFile } from "../sqlite/moving.ts";
import { inspect } from "../sqlite/open.ts";
import { SCHEMA_VERSION } from "../sqlite/schema.ts";
import { lockDatabase } from "../sqlite/store.ts";
import { surveyDatabase } from "../sqlite/summary.ts";
import { openTokens } from "../tokens/token_files.ts";
import { expectNoOtherTokens, keepingTokens, renameTokens, withTokenFiles } from "./file_tokens.ts";
import { busIdOf, type Moved, moveAll, type Progress } from "./moving.ts";
import { existingDatabase, postgresOf } from "./place.ts";
import { reasonOf, sentenceOf } from "./reason.ts";
import { lockStopped } from "./stopped.ts";

interface Asked {
  to: string;
  db?: string | undefined;
}

/**
 * Copies all data of the bus to PostgreSQL, or from there into a new file. The source is only read. The target holds
 * nothing before everything has arrived and was compared.
 * @throws Error with a sentence, mostly when nothing was moved.
 */
export async function migrate(args: Asked, desk: Desk): Promise<Json> {
  const began = performance.now();
  const tell = async (progress: Progress) => void (await desk.tell({ ...progress }));
  const target = databaseAt(args.to);
  const server = postgresOf(args.db);
  if ((server === null) === (typeof target === "string"))
    throw new UsageError(
      server === null
        ? `The database is a file, and so is ${target}. To copy a file: agent-event-bus backup FILE`
        : `The database is ${server.shown}, and --to names PostgreSQL too. There, pg_dump and pg_restore copy.`,
    );
  try {
    const result =
      typeof target === "string"
        ? await toFile(server as PostgresPlace, realOf(resolve(target)), tell)
        : await toServer(existingDatabase(args.db), target, args, tell);
    const rows = result.tables.reduce((sum, table) => sum + table.rows, 0);
    return { ...result, rows, milliseconds: Math.round(performance.now() - began) };
  } catch (error) {
    if (error instanceof Unknown) throw error;
    throw new Error(`Nothing was moved. ${sentenceOf(error)}`, { cause: error });
  }
}

/** The move may have ended. */
class Unknown extends Error {}

/** A step that is left to the user: a sentence, and what to type. */
export interface Step {
  step: string;
  text: string;
}

interface Result {
  from: string;
  to: string;
  tables: Moved[];
  next: Step[];
  /** The state of the source, and its use. */
  left: string;
}

type Tell = (progress: Progress) => Promise<void>;

async function toServer(
  db: string,
  to: PostgresPlace,
  args: Asked,
  tell: Tell,
): Promise<Result & { warning?: string }> {
  const lock = await lockStopped(db, args.db, "a move");
  try {
    expectCurrent(db);
    const tables = await readFile(db, (file) => sendToServer(withTokenFiles(file, db), to, tell));
    const broken = openTokens(db, Date.now).broken();
    return {
      ...{ from: db, to: to.shown, tables, next: nextSteps(args.to) },
      left: `${tilde(db)} and the files beside it are as they were. Start no bus on them. Keep them until you trust the move.`,
      ...(broken.length > 0 && { warning: `Not moved, because they hold no token: ${broken.join(", ")}` }),
    };
  } catch (error) {
    if (troubleAt(db, error) === null) throw error;
    const { found, repair } = reasonOf(error, db);
    throw new Error(`${db} cannot be read: ${found}. ${repair.slice(0, 1).toUpperCase()}${repair.slice(1)}.`);
  } finally {
    lock.release();
  }
}

async function sendToServer(source: Contents, to: PostgresPlace, tell: Tell): Promise<Moved[]> {
  // The package is loaded only here.
  const { fillServer } = await import("../postgres/index.ts");
  let hasArrived = false;
  try {
    return await fillServer(to, await busIdOf(source), async (target) => {
      const moved = await moveAll(source, target, tell);
      hasArrived = true;
      return moved;
    });
  } catch (error) {
    if (!hasArrived) throw error;
    throw new Unknown(
      `${sentenceOf(error)} This happened at the very end, so the move may be complete. Run it again to find out.`,
      { cause: error },
    );
  }
}

async function toFile(from: PostgresPlace, db: string, tell: Tell): Promise<Result> {
  expectNew(db);
  const lock = lockDatabase(db);
  try {
    const { readServer } = await import("../postgres/index.ts");
    const tables = await readServer(from, async (source) => {
      await expectNoOtherTokens(source, db);
      return fillFile(
        db,
        (target, partial) => moveAll(source, keepingTokens(target, partial), tell),
        (partial) => renameTokens(partial, db),
      );
    });
    return {
      ...{ from: from.shown, to: db, tables, next: nextSteps(db) },
      left: `${from.shown} is as it was. Start no bus on it. Keep it until you trust the move.`,
    };
  } finally {
    lock.release();
  }
}

function expectCurrent(db: string): void {
  const version = inspect(db);
  if (version === 0) throw new Error(`${db} is not a database of a bus.`);
  if (version < SCHEMA_VERSION)
    throw new Error(
      `${db} is of an earlier release (schema version ${version}). Start and stop the bus of this release on it, then run this again.`,
    );
}

function expectNew(db: string): void {
  const lonely = lonelyWal(db);
  if (lonely !== null) throw new Error(`${lonely.found}. Move that file away, or give another name.`);
  const found = statSync(db, { throwIfNoEntry: false });
  if (found === undefined || (found.isFile() && found.size === 0)) return;
  const held = attempt(() => surveyDatabase(db, { whole: false }));
  const what =
    held === undefined || held.schema_version === 0
      ? "exists already"
      : `holds the data of another bus (${counted(held.events, "event")}, ${counted(held.sessions, "session")})`;
  throw new Error(`${db} ${what}. Give the name of a new file, or move that one away.`);
}

function nextSteps(to: string): Step[] {
  const password = to.includes("://") ? ". A password is written as USER:PASSWORD@HOST" : "";
  return [
    {
      step: `Put this line into ${tilde(settingsPath())}, in place of one that begins the same${password}`,
      text: `${VARIABLES.db.name}=${to}`,
    },
    { step: "Start the bus", text: "agent-event-bus start" },
    { step: "Check its database", text: "agent-event-bus check" },
  ];
}
