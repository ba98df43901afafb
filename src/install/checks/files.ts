import { accessSync, constants, statSync } from "node:fs";
import { checkDatabase, type Finding as FileFinding } from "../../admin/check.ts";
import { olderDatabases } from "../../admin/older.ts";
import { quoted, reasonOf } from "../../admin/reason.ts";
import { dataDirectory, environment, machine, settingsPath, tokenPath } from "../../config/client.ts";
import { limitVariable } from "../../config/server.ts";
import { VARIABLES } from "../../config/variables.ts";
import { LIMITS, type LimitName } from "../../domain/limits.ts";
import { tooOpen } from "../../lib/permissions.ts";
import { lonelyWal } from "../../sqlite/foreign_wal.ts";
import { type Check, type Finding, hostOf, type Place } from "./facts.ts";

/** A database above this size is not read whole: that would take longer than a person waits. */
const QUICK_BYTES = 256 * 1024 * 1024;

/** The database of a bus on this machine, and who can read its files. */
export const database: Check = {
  what: "database",
  async look(place) {
    if (place.role === "client" || place.settingsBroken !== undefined) return undefined;
    const { db } = place;
    const found = statSync(db, { throwIfNoEntry: false });
    if (found === undefined) return [await withoutDatabase(place, db), ...older(db)];
    const whole = found.size <= QUICK_BYTES;
    try {
      const findings = checkDatabase(db, { whole });
      const isEmpty = findings.some(({ what, found }) => what === "contents" && found.startsWith("0 events"));
      return [...summary(db, findings, whole ? undefined : place.command), ...(isEmpty ? older(db) : [])];
    } catch (error) {
      return { what: database.what, state: "bad", ...reasonOf(error, db) };
    }
  },
};

function older(db: string): Finding[] {
  return olderDatabases(db).map(({ found, command }) => ({
    what: "older data",
    state: "note",
    found: `${found}. To take it over, stop the bus, then: ${command}`,
  }));
}

async function withoutDatabase(place: Place, db: string): Promise<Finding> {
  const { what } = database;
  const lonely = lonelyWal(db);
  if (lonely !== null) return { what, state: "bad", ...lonely };
  const { kind } = await place.probe();
  return kind === "bus"
    ? { what, state: "note", found: `the bus that runs keeps it elsewhere, not at ${db}` }
    : { what, state: "note", found: `none yet at ${db}: the bus makes it when it starts` };
}

function summary(db: string, findings: readonly FileFinding[], command: string | undefined): Finding[] {
  const bad = findings.filter(({ ok }) => !ok);
  if (bad.length > 0)
    return bad.map(({ what, found, repair }) => ({
      what: what === "permissions" ? what : database.what,
      state: "bad",
      found: what === "permissions" ? found : `${db}, ${what}: ${found}`,
      ...(repair !== undefined && { repair }),
    }));
  const contents = findings.find(({ what }) => what === "contents")?.found ?? "";
  const found = `${db}: ${contents}; private`;
  return command === undefined
    ? [{ what: database.what, state: "ok", found }]
    : [
        {
          what: database.what,
          state: "ok",
          found: `${found}; too large to read it all here, that does: ${command} check`,
        },
      ];
}

/** Whether settings.env is read as it is meant. */
export const settings: Check = {
  what: "settings",
  async look({ role, settings: read, settingsBroken, url }) {
    const { what } = settings;
    const file = settingsPath();
    const line = /line (\d+)/.exec(settingsBroken ?? "")?.[1];
    const edit = `"\${EDITOR:-vi}" ${line === undefined ? "" : `+${line} `}${quoted(file)}`;
    if (settingsBroken !== undefined)
      return { what, state: "bad", found: settingsBroken, repair: isReadable(file) ? edit : ownAgain() };
    // On a server the check of the database looks at every file of the bus.
    if (role === "client" && isOpen(file))
      return {
        what,
        state: "bad",
        found: `${file} can be read by other users`,
        repair: `chmod 600 ${quoted(file)}`,
      };
    const keys = Object.keys(read);
    const odd = keys.filter((key) => !KNOWN.has(key));
    if (odd.length > 0)
      return {
        what,
        state: "note",
        found: `${file}: ${odd.join(", ")} is no setting of the bus, nothing reads it`,
      };
    const shell = environment[VARIABLES.url.name];
    if (shell && shell !== read[VARIABLES.url.name])
      return {
        ...{ what, state: "note" },
        found: `${VARIABLES.url.name} is ${url} in this shell only: what is started elsewhere does not know it`,
      };
    return {
      what,
      state: "ok",
      found: keys.length === 0 ? "the usual ones" : `${keys.join(", ")} in ${file}`,
    };
  },
};

function isReadable(file: string): boolean {
  try {
    accessSync(file, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}

// As sudo leaves it.
function ownAgain(): string {
  return `sudo chown -R "$(id -un)" ${quoted(dataDirectory())}`;
}

const KNOWN: ReadonlySet<string> = new Set([
  ...Object.values(VARIABLES).map(({ name }) => name),
  ...Object.keys(LIMITS).map((name) => limitVariable(name as LimitName)),
]);

/** Whether the token that commands and hooks send lets them in. */
export const token: Check = {
  what: "token",
  async look(place) {
    const { what } = token;
    const bad = (found: string, repair: string): Finding => ({ what, state: "bad", found, repair });
    const file = tokenPath();
    if (place.role === "client" && isOpen(file))
      return bad(`${file} can be read by other users`, `chmod 600 ${quoted(file)}`);
    const given = place.token();
    const { kind, ...more } = await place.probe();
    if (kind === "unauthorized") {
      const { sentence } = more as { sentence: string };
      return bad(sentence, sentence.includes("token") ? newToken(place) : newSettings(place));
    }
    if (kind !== "bus") return undefined;
    if (given === undefined) return { what, state: "ok", found: "the bus lets this machine in without one" };
    const from =
      place.client.token === undefined ? "the kept token" : `${VARIABLES.token.name} of this shell`;
    return { what, state: "ok", found: `${from} lets this machine in` };
  },
};

/** How a token is made and kept. */
function newToken({ role, url, command, config }: Place): string {
  // A name can be given once.
  const name = `--name ${machine()
    .toLowerCase()
    .replace(/[^a-z0-9].*/, "")}-${Math.floor(Date.now() / 1000).toString(36)}`;
  if (role === "client")
    return `on ${hostOf(url)}: agent-event-bus token create ${name}; here: ${command} install client --url ${quoted(url)} --token -`;
  const secret = `${command} token create ${name} --json | sed 's/.*"token":"\\([^"]*\\)".*/\\1/'`;
  return `(umask 077; ${secret} > ${quoted(`${config.data}/token`)}) && ${command} install server`;
}

/** Where the bus is told whom it lets in. */
function newSettings({ role, url, command }: Place): string {
  return role === "client"
    ? `on ${hostOf(url)}: "\${EDITOR:-vi}" ~/.claude/contrib/agent-event-bus/settings.env && agent-event-bus restart`
    : `"\${EDITOR:-vi}" ${quoted(settingsPath())} && ${command} restart`;
}

function isOpen(path: string): boolean {
  const found = statSync(path, { throwIfNoEntry: false });
  return (
    found !== undefined && tooOpen([{ path, mode: 0o600, found: found.mode & 0o777, owner: -1 }]).length > 0
  );
}
