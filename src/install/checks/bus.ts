import { holderOf } from "../../admin/holder.ts";
import { settingsPath, version } from "../../config/client.ts";
import { VARIABLES } from "../../config/variables.ts";
import { quoted } from "../../lib/escape.ts";
import { isLoopbackUrl } from "../../lib/loopback.ts";
import { isNewer } from "../../lib/version.ts";
import { hostOf, isSameUrl } from "../../rpc/bus_url.ts";
import { ownerOf, told } from "../../rpc/owner.ts";
import { reachable } from "../../rpc/send.ts";
import { installedVersion } from "../binary.ts";
import { freePortAfter } from "../port.ts";
import { findOriginal } from "../python_original.ts";
import { onBus, type Place } from "./facts.ts";
import { bad, check, note, ok } from "./finding.ts";

/** More than an answer's travel time and the whole seconds of its Date explain. */
const SKEW_NOTED_MS = 3_000;
const SKEW_MS = 30_000;

/** A bus answers at the URL, and takes writes. */
export const health = check("bus", async (place) => {
  const { url } = place;
  const found = await place.probe();
  switch (found.kind) {
    case "bus": {
      if (found.status === "ok") return ok(`answers at ${url}, for ${duration(found.uptimeSeconds)}`);
      const why = [found.reason ?? "the reason is unknown", found.detail].filter(Boolean).join(". ");
      return bad(`${url} does not accept writes: ${why}`, onBus(place, "check"));
    }
    case "unauthorized":
      return ok(`answers at ${url}, but refuses this machine`);
    case "original":
      return bad(`the Python original answers at ${url}`, onBus(place, "install server"));
    case "stranger": {
      const free = await freePortAfter(placeOfUrl(url));
      const elsewhere =
        place.role === "server" ? `server --port ${free}` : "client --url http://BUS:8080/mcp";
      return bad(`no bus answers at ${url}: ${found.found}`, `${place.command} install ${elsewhere}`);
    }
    case "foreign":
      return bad(found.found, await withoutUser(place, found.user));
    case "nobody":
      // The repair of a bus of this machine depends on its state.
      return bad(
        place.role === "server" ? found.found : found.sentence,
        place.settingsBroken === undefined ? await wake(place) : undefined,
      );
  }
});

/** How to get a bus of one's own. A client was told to use that user's bus. */
async function withoutUser({ role, url, command }: Place, user: string): Promise<string> {
  return role === "server"
    ? `${command} install server --port ${await freePortAfter(placeOfUrl(url))}`
    : `to use that bus: echo ${VARIABLES.busUser.name}=${user} >> ${quoted(settingsPath())}`;
}

function placeOfUrl(url: string): { host: string; port: number } {
  const { hostname, port } = new URL(url);
  return { host: hostname.replace(/^\[(.*)\]$/, "$1"), port: Number(port || 80) };
}

/** The command that makes a silent bus answer. */
export async function wake(place: Place): Promise<string> {
  const { command, db, config, role, install } = place;
  if (role === "client") return onBus(place, "doctor");
  const found = await place.service().catch((error) => ({ none: String(error) }));
  const service = "none" in found || !found.state.installed ? undefined : found.state;
  const holder = await holderOf(db, config);
  if (holder !== undefined && holder === service?.pid) return `${command} restart`;
  if (holder !== undefined) {
    const probed = await place.probe();
    const isDeaf = probed.kind === "nobody" && probed.found.includes("did not answer");
    // A process that does not answer ignores milder signals. The database survives this one.
    return isDeaf ? `kill -9 ${holder}; ${command} start` : `${command} restart`;
  }
  if (service !== undefined && "service" in found && findOriginal(config, found.service, place.program))
    return install;
  if (service !== undefined) return `${command} ${service.running ? "restart" : "start"}`;
  return "none" in found || place.leftOut("service") ? `${command} start` : install;
}

/**
 * Claude Code reaches a program of this user. It connects by TCP and cannot prove who answers, so the port is examined even
 * if the bus answers on its socket.
 */
export const owner = check("owner", async (place) => {
  const asked = place.registration()?.url || place.url;
  const { kind } = await place.probe();
  if (!isLoopbackUrl(asked) || (kind === "foreign" && isSameUrl(asked, place.url))) return undefined;
  const url = reachable(new URL(asked));
  const found = await ownerOf(url);
  if (found.kind === "trusted" || found.kind === "nobody") return undefined;
  return bad(`Claude Code connects to it: ${told(url, found).found}`, place.install);
});

/** The bus, the executable of the hooks and this program have one version. */
export const skew = check("version", async (place) => {
  const found = await place.probe();
  if (found.kind !== "bus") return undefined;
  const hooks = (await installedVersion(place.config)) ?? version;
  if (found.version === version && hooks === version) return ok(`${version} on both sides`);
  const told = `the bus is ${found.version}, this program is ${version}`;
  const all = hooks === version ? told : `${told}, the hooks run ${hooks}`;
  // The check of the executable has reported older hooks already.
  if (found.version === hooks || isNewer(version, hooks)) return note(all);
  const busIsNewer = isNewer(found.version, hooks);
  // Different versions work together. On one machine a difference means that the service runs the replaced one.
  if (place.role === "client")
    return note(`${all}: update ${busIsNewer ? "this machine" : hostOf(place.url)}`);
  return bad(all, busIsNewer ? place.install : `${place.command} restart`);
});

/** The clocks of both machines agree. */
export const clock = check("clock", async (place) => {
  const probed = await place.probe();
  if (probed.kind !== "bus") return undefined;
  const off = Math.abs(probed.clockSkewMs);
  if (off <= SKEW_NOTED_MS) return ok("within two seconds of the bus's clock");
  // A positive skew means that the bus's clock is ahead.
  const side = probed.clockSkewMs > 0 ? "ahead of" : "behind";
  const found = `the clock of the bus (${hostOf(place.url)}) is ${duration(Math.round(off / 1000))} ${side} the clock of this machine`;
  if (off <= SKEW_MS) return note(found);
  const repair =
    process.platform === "darwin" ? "sudo sntp -sS time.apple.com" : "sudo timedatectl set-ntp true";
  return bad(found, `${repair}, on the machine whose clock is wrong`);
});

function duration(seconds: number): string {
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  return seconds < 172_800 ? `${Math.round(seconds / 3600)} h` : `${Math.round(seconds / 86_400)} d`;
}
