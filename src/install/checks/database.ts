import { statSync } from "node:fs";
import { checkDatabase, checkServer, type Finding as FileFinding, lostDatabase } from "../../admin/check.ts";
import { olderDatabases } from "../../admin/older.ts";
import { reasonOf } from "../../admin/reason.ts";
import type { Place } from "./facts.ts";
import { bad, check, note, ok } from "./finding.ts";

/** A larger database is not read whole, which would take too long. */
const QUICK_BYTES = 256 * 1024 * 1024;

/** The database of this machine's bus is in order, and only its owner can read its files. */
export const database = check("database", async (place) => {
  if (place.role === "client" || place.settingsBroken !== undefined) return undefined;
  const { db, postgres } = place;
  if (postgres !== null) {
    const findings = await checkServer(postgres);
    const problems = findings.filter(({ ok }) => !ok);
    if (problems.length > 0) return problems.map(({ found, repair }) => bad(found, repair));
    return ok(`${postgres.shown}: ${findings.map(({ what, found }) => `${what} ${found}`).join("; ")}`);
  }
  const found = statSync(db, { throwIfNoEntry: false });
  if (found === undefined) return [await withoutDatabase(place), ...older(db)];
  const whole = found.size <= QUICK_BYTES;
  try {
    const findings = checkDatabase(db, { whole });
    const isEmpty = findings.some(({ what, found }) => what === "contents" && found.startsWith("0 events"));
    return [...summary(place, findings, whole), ...(isEmpty ? older(db) : [])];
  } catch (error) {
    const { found, repair } = reasonOf(error, db);
    return bad(found, repair);
  }
});

function older(db: string) {
  return olderDatabases(db).map(({ found, command }) => ({
    what: "older data",
    ...note(`${found}. To take it over, stop the bus, then run: ${command}`),
  }));
}

async function withoutDatabase({ db, probe }: Place) {
  const lost = lostDatabase(db);
  if (lost !== null) return bad(lost.found, lost.repair);
  const { kind } = await probe();
  return kind === "bus"
    ? note(`the running bus keeps it elsewhere, not at ${db}`)
    : note(`none yet at ${db}. The bus creates it when it starts`);
}

function summary({ db, command }: Place, findings: readonly FileFinding[], whole: boolean) {
  const problems = findings.filter(({ ok }) => !ok);
  if (problems.length > 0)
    return problems.map(({ what, found, repair }) =>
      what === "permissions" ? { what, ...bad(found, repair) } : bad(`${db}, ${what}: ${found}`, repair),
    );
  const contents = findings.find(({ what }) => what === "contents")?.found ?? "";
  const rest = whole ? "" : `, too large for a complete check here. For that, run: ${command} check`;
  return [ok(`${db}: ${contents}; private${rest}`)];
}
