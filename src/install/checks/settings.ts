import { accessSync, constants, statSync } from "node:fs";
import { dataDirectory, environment, machine, settingsPath, tokenPath } from "../../config/client.ts";
import { settingNames } from "../../config/server.ts";
import { VARIABLES } from "../../config/variables.ts";
import { succeeds } from "../../lib/attempt.ts";
import { quoted } from "../../lib/escape.ts";
import { tooOpen } from "../../lib/permissions.ts";
import { hostOf } from "../../rpc/bus_url.ts";
import type { Place } from "./facts.ts";
import { bad, check, note, ok } from "./finding.ts";

const EDITOR = `"\${EDITOR:-vi}"`;

/** settings.env is read as its author meant it. */
export const settings = check("settings", async ({ role, settings: read, settingsBroken, url }) => {
  const file = settingsPath();
  if (settingsBroken !== undefined) return bad(settingsBroken, editOrOwn(file, settingsBroken));
  // On a server the check of the database examines every file of the bus.
  if (role === "client" && isOpen(file)) return open(file);
  const keys = Object.keys(read);
  const known = settingNames();
  const odd = keys.filter((key) => !known.includes(key));
  if (odd.length > 0) return note(`${file}: ${odd.join(", ")} is not a setting of the bus and is ignored`);
  const { name } = VARIABLES.url;
  const shell = environment[name];
  if (shell && shell !== read[name])
    return note(`${name} is ${url} in this shell only, so programs started elsewhere do not use it`);
  return ok(keys.length === 0 ? "defaults" : `${keys.join(", ")} in ${file}`);
});

function editOrOwn(file: string, problem: string): string {
  // Files that sudo has made belong to root.
  if (!succeeds(() => accessSync(file, constants.R_OK)))
    return `sudo chown -R "$(id -un)" ${quoted(dataDirectory())}`;
  const line = /line (\d+)/.exec(problem)?.[1];
  return `${EDITOR} ${line === undefined ? "" : `+${line} `}${quoted(file)}`;
}

/** The token of commands and hooks lets them in. */
export const token = check("token", async (place) => {
  const file = tokenPath();
  if (place.role === "client" && isOpen(file)) return open(file);
  const given = place.token();
  const found = await place.probe();
  if (found.kind === "unauthorized") {
    const { sentence } = found;
    return bad(sentence, sentence.includes("token") ? newToken(place) : newSettings(place));
  }
  if (found.kind !== "bus") return undefined;
  if (given === undefined) return ok("the bus does not need one from this machine");
  const isKept = place.client.token === undefined;
  return ok(`the bus accepts ${isKept ? "the saved token" : `${VARIABLES.token.name} of this shell`}`);
});

/** Makes a token and keeps it. Its name is new, because a name can be given only once. */
function newToken({ role, url, command, config }: Place): string {
  const host = machine()
    .toLowerCase()
    .replace(/[^a-z0-9].*/, "");
  const create = `token create --name ${host}-${Math.floor(Date.now() / 1000).toString(36)}`;
  if (role === "client")
    return `on ${hostOf(url)}: agent-event-bus ${create}, then here: ${command} install client --url ${quoted(url)} --token -`;
  const secret = `${command} ${create} --json | sed 's/.*"token":"\\([^"]*\\)".*/\\1/'`;
  return `(umask 077; ${secret} > ${quoted(`${config.data}/token`)}) && ${command} install server`;
}

/** Edits the bus's settings, which name its users. */
function newSettings({ role, url, command }: Place): string {
  return role === "client"
    ? `on ${hostOf(url)}: ${EDITOR} ~/.claude/contrib/agent-event-bus/settings.env && agent-event-bus restart`
    : `${EDITOR} ${quoted(settingsPath())} && ${command} restart`;
}

function open(file: string) {
  return bad(`${file} can be read by other users`, `chmod 600 ${quoted(file)}`);
}

function isOpen(path: string): boolean {
  const mode = statSync(path, { throwIfNoEntry: false })?.mode ?? 0;
  return tooOpen([{ path, mode: 0o600, found: mode & 0o777, owner: -1 }]).length > 0;
}
