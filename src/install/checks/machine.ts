import { existsSync, readFileSync, realpathSync } from "node:fs";
import { holderOf } from "../../admin/holder.ts";
import { version } from "../../config/client.ts";
import { quoted } from "../../lib/escape.ts";
import { findProgram, run } from "../../lib/exec.ts";
import { pathHint } from "../../lib/shell_path.ts";
import { isNewer } from "../../lib/version.ts";
import { listenerAt } from "../../rpc/listener.ts";
import { isCompiled } from "../binary.ts";
import { isBus } from "../running.ts";
import type { Service, ServiceState } from "../service_types.ts";
import { wake } from "./bus.ts";
import type { Place } from "./facts.ts";
import { bad, check, note, ok } from "./finding.ts";

/** The installed executable exists, starts, and is not older than this one. */
export const executable = check("executable", async ({ program, install, config }) => {
  if (!existsSync(program)) return bad(`${program} does not exist`, install);
  if (isCompiled() && realpathSync(program) === realpathSync(process.execPath))
    return ok(`${program}, version ${version}`);
  const ran = await run([program, "--version"], config);
  const installed = ran.stdout.trim();
  const again = isCompiled() ? install.replace(/^\S+|^'.*?' /, quoted(process.execPath)) : install;
  if (ran.code !== 0) return bad(`${program} does not start: ${ran.stderr.trim()}`, again);
  if (installed === version) return ok(`${program}, version ${version} (this is ${process.execPath})`);
  return isNewer(version, installed)
    ? bad(`${program} is version ${installed}, this one is ${version}`, again)
    : note(`${program} is version ${installed}, this older one is ${version}`);
});

/** A shell finds the installed executable. */
export const onPath = check("PATH", async ({ program, config }) => {
  const hint = pathHint(config);
  if (hint !== undefined) {
    const [, command = ""] = /Run[^:]*: (.*)$/.exec(hint) ?? [];
    return bad(`${config.bin} is not on it, so a shell does not find agent-event-bus`, command);
  }
  const first = findProgram("agent-event-bus", config);
  if (first === undefined || first === program || !existsSync(program)) return ok(`${config.bin} is on it`);
  const found = `a shell runs ${first}, which comes before ${program}`;
  return realpathSync(first) === realpathSync(program) ? ok(found) : bad(found, `rm ${quoted(first)}`);
});

/** This machine starts its bus by itself. */
export const service = check("service", async (place) => {
  if (place.role === "client") return undefined;
  const found = await place.service();
  if (!("none" in found)) return stateOf(place, found.service, found.state);
  const none = `not available: ${found.none}`;
  return isBus(await place.probe())
    ? note(`${none}, but the bus runs without one`)
    : bad(none, await wake(place));
});

async function stateOf(place: Place, one: Service, state: ServiceState) {
  const { install, program, command } = place;
  const holder = await holderOf(place.db, place.config);
  if (!state.installed) {
    const make = holder === undefined ? install : `${command} stop && ${install}`;
    if (place.leftOut("service")) return note(`left out (--no-service); ${make} puts it in`);
    return isBus(await place.probe())
      ? note(`none installed, but the bus runs without one. To install one: ${make}`)
      : bad(`no ${one.name}`, await wake(place));
  }
  const [runs] = one.parse(readFileSync(one.file, "utf8")).words;
  if (runs !== program) return bad(`${one.name} runs ${runs}, not ${program}`, install);
  if (!state.running && holder !== undefined)
    return bad(`${one.name} does not run, and process ${holder} runs the bus instead`, `${command} restart`);
  if (!state.running)
    return bad(
      `${one.name} is not running (${state.detail}). To see why: ${one.why}`,
      (await isBlocked(place)) ? undefined : `${command} start`,
    );
  if (!state.enabled) return bad(`${one.name} is not started at login`, install);
  const pid = state.pid === undefined ? "" : `, process ${state.pid}`;
  const hint = await one.hint();
  return [ok(`${one.name} runs${pid}`), ...(hint === undefined ? [] : [note(hint)])];
}

/** True if another check has found what keeps the bus from starting. */
async function isBlocked(place: Place): Promise<boolean> {
  const { kind } = await place.probe();
  return place.settingsBroken !== undefined || ["stranger", "foreign", "original"].includes(kind);
}

/** The program that holds the port. */
export const port = check("port", async ({ role, url, config, probe }) => {
  if (role === "client" || !URL.canParse(url)) return undefined;
  const { host, port: number } = new URL(url);
  const listener = await listenerAt(Number(number || 80), config);
  const probed = await probe();
  if (listener === undefined && probed.kind === "nobody") return note(`nothing is listening at ${host}`);
  const name =
    listener === undefined ? "another user's program" : `${listener.name}, process ${listener.pid}`;
  return isBus(probed) ? ok(`${host} is used by the bus: ${name}`) : note(`${host} is used by ${name}`);
});
