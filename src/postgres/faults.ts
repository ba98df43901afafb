import { BusError } from "../domain/context.ts";
import type { StorageProblem } from "../domain/store.ts";

/** PostgreSQL's classes of conditions and single ones, see https://www.postgresql.org/docs/current/errcodes-appendix.html. */
const PROBLEMS: readonly [code: RegExp, problem: StorageProblem][] = [
  [/^53100$/, "storage_full"],
  [/^25006$/, "storage_readonly"],
  [/^(55P03|57014|53300|25P03)$/, "storage_busy"],
  [/^XX00[12]$/, "storage_corrupt"],
  [/^(08|57P|58|28|3D000)/, "storage_failed"],
];

const SENTENCES: Readonly<Record<StorageProblem, string>> = {
  storage_busy: "The database did not take the write in time. Nothing was stored. Try again.",
  storage_full: "The disk of the database is full. Nothing was stored. Free some space there and try again.",
  storage_readonly:
    "The database takes reads only, as a replica does. Nothing was stored. Give the bus the primary server.",
  storage_failed: "The database does not answer. Nothing is known to be stored. Try again.",
  storage_corrupt: "The database is damaged. Stop every bus of it, and restore a backup.",
};

function codeOf(error: unknown): string {
  return String((error as { code?: unknown } | null)?.code ?? "");
}

/** The code of a lost connection. */
const LOST = "08006";

/**
 * The server's own errors as they are. Any other error of the driver tells that the server was not reached, or no longer. So
 * does a panic, after which the server may find the transaction in its log.
 */
export function lost(error: unknown): unknown {
  return /^[0-9A-Z]{5}$/.test(codeOf(error)) && (error as { severity?: unknown }).severity !== "PANIC"
    ? error
    : Object.assign(new Error(messageOf(error)), { code: LOST });
}

export function isLost(error: unknown): boolean {
  return codeOf(error) === LOST;
}

/** True if the server has no connection left, so that nothing was begun. */
export function isFull(error: unknown): boolean {
  return codeOf(error) === "53300";
}

function messageOf(error: unknown): string {
  const { message, code } = error as { message?: string; code?: string };
  return message || code || String(error);
}

/** True if the same transaction may succeed at once: another one was in its way. */
export function isPassing(error: unknown): boolean {
  return /^(40001|40P01)$/.test(codeOf(error));
}

/** The state of the database that an error tells of. Null for any other error. */
export function troubleOf(error: unknown): StorageProblem | null {
  const code = codeOf(error);
  return PROBLEMS.find(([pattern]) => pattern.test(code))?.[1] ?? null;
}

/** A sentence for the caller on what happened and what to do. */
export function sentenceOf(problem: StorageProblem, error?: unknown): string {
  const detail = error instanceof Error ? ` (${error.message})` : "";
  return SENTENCES[problem].replace(".", `${detail}.`);
}

/** The error that a caller is told: a BusError if it tells of the state of the database. */
export function meaningOf(error: unknown): unknown {
  if (error instanceof BusError) return error;
  const problem = troubleOf(error);
  return problem === null ? error : new BusError(problem, sentenceOf(problem, error));
}
