import { quoted } from "../../admin/reason.ts";
import { settingsPath, version } from "../../config/client.ts";
import { VARIABLES } from "../../config/variables.ts";
import { isLoopbackUrl } from "../../lib/loopback.ts";
import { ownerOf, told } from "../../rpc/owner.ts";
import type { Probe } from "../../rpc/probe.ts";
import { reachable } from "../../rpc/send.ts";
import { isNewer } from "../claude_version.ts";
import { holderOf } from "../port.ts";
import { type Check, type Finding, hostOf, isSameUrl, type Place } from "./facts.ts";
import { installedVersion } from "./program.ts";

/** More than what the way of an answer and the seconds of its Date explain. */
const SKEW_NOTED_MS = 3_000;
const SKEW_MS = 30_000;

/** Who answers at the bus's address. */
export const health: Check = {
  what: "bus",
  async look(place) {
    const { what } = health;
    const { url } = place;
    const found = await place.probe();
    switch (found.kind) {
      case "bus":
        return found.status === "ok"
          ? { what, state: "ok", found: `answers at ${url}, for ${duration(found.uptimeSeconds)}` }
          : {
              ...{
                what,
                state: "bad",
                found: `${url} takes no writes: ${[found.reason ?? "it does not say why", found.detail].filter(Boolean).join(". ")}`,
              },
              repair: at(place, "check"),
            };
      case "unauthorized":
        return { what, state: "ok", found: `answers at ${url}, and refuses this machine` };
      case "original":
        return {
          ...{ what, state: "bad", found: `the Python original answers at ${url}` },
          repair: at(place, "install server"),
        };
      case "stranger":
        return {
          what,
          state: "bad",
          found: `no bus answers at ${url}: ${found.found}`,
          repair: repairOf(place),
        };
      case "foreign":
        return { what, state: "bad", found: found.found, repair: elsewhere(place, found.user) };
      case "nobody":
        return { what, state: "bad", found: found.sentence, repair: await wake(place) };
    }
  },
};

/** A command for the machine of the bus. */
function at({ role, url, command }: Place, words: string): string {
  return role === "server" ? `${command} ${words}` : `on ${hostOf(url)}: agent-event-bus ${words}`;
}

/** How to get a bus that no other user holds. A client was told to use that one. */
function elsewhere({ role, url, command }: Place, user: string): string {
  return role === "server"
    ? `${command} install server --port ${Number(new URL(url).port || 80) + 1}`
    : `if you mean that bus: echo ${VARIABLES.busUser.name}=${user} >> ${quoted(settingsPath())}`;
}

function repairOf(place: Place): string {
  return place.role === "server"
    ? `${place.command} install server --port 8081`
    : `${place.command} install client --url http://BUS:8080/mcp`;
}

/** What makes a bus answer that does not. */
export async function wake(place: Place): Promise<string> {
  if (place.role === "client") return at(place, "doctor");
  const found = await place.service().catch((error) => ({ none: String(error) }));
  if ("none" in found) {
    const holder = await holderOf(place.db, place.config);
    // One that does not answer hears no milder signal; the database survives that.
    return `${holder === undefined ? "" : `kill -9 ${holder}; `}${place.command} serve`;
  }
  return found.state.installed ? `${place.command} restart` : place.install;
}

/**
 * Whose program Claude Code reaches. It connects by TCP and cannot prove the bus, so the port is looked at also when the bus
 * answers on its socket.
 */
export const owner: Check = {
  what: "owner",
  async look(place) {
    const { what } = owner;
    const asked = place.registration()?.url || place.url;
    const { kind } = await place.probe();
    if (!isLoopbackUrl(asked) || (kind === "foreign" && isSameUrl(asked, place.url))) return undefined;
    const url = reachable(new URL(asked));
    const found = await ownerOf(url);
    if (found.kind === "trusted" || found.kind === "nobody") return undefined;
    return {
      what,
      state: "bad",
      found: `Claude Code asks it: ${told(url, found).found}`,
      repair: place.install,
    };
  },
};

/** Whether the bus, the executable that hooks run, and this program are of one version. */
export const skew: Check = {
  what: "version",
  async look(place) {
    const { what } = skew;
    const found = await place.probe();
    if (found.kind !== "bus") return undefined;
    const hooks = (await installedVersion(place)) ?? version;
    if (found.version === version && hooks === version)
      return { what, state: "ok", found: `${version} on both sides` };
    const told = `the bus is ${found.version}, this program is ${version}`;
    const all = hooks === version ? told : `${told}, the hooks run ${hooks}`;
    // An older executable of the hooks is for its own check, and comes first.
    if (found.version === hooks || isNewer(version, hooks)) return { what, state: "note", found: all };
    const busIsNewer = isNewer(found.version, hooks);
    // Versions work together. On one machine a difference means that the service runs what was replaced.
    if (place.role === "client")
      return {
        what,
        state: "note",
        found: `${all}: update ${busIsNewer ? "this machine" : hostOf(place.url)}`,
      };
    return {
      what,
      state: "bad",
      found: all,
      repair: busIsNewer ? place.install : `${place.command} restart`,
    };
  },
};

/** How far the clocks of both machines are apart. */
export const clock: Check = {
  what: "clock",
  async look(place) {
    const found = await place.probe();
    return found.kind === "bus" ? clockOf(found, place) : undefined;
  },
};

function clockOf({ clockSkewMs }: Probe & { kind: "bus" }, { url }: Place): Finding {
  const { what } = clock;
  const off = Math.abs(clockSkewMs);
  if (off <= SKEW_NOTED_MS) return { what, state: "ok", found: "the same as the bus's, to a second or two" };
  // The sign is of the bus's clock.
  const found = `the bus's (${hostOf(url)}) is ${duration(Math.round(off / 1000))} ${clockSkewMs > 0 ? "ahead of" : "behind"} this machine's`;
  if (off <= SKEW_MS) return { what, state: "note", found };
  const repair =
    process.platform === "darwin" ? "sudo sntp -sS time.apple.com" : "sudo timedatectl set-ntp true";
  return { what, state: "bad", found, repair: `${repair}, on the machine whose clock is wrong` };
}

function duration(seconds: number): string {
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  return seconds < 172_800 ? `${Math.round(seconds / 3600)} h` : `${Math.round(seconds / 86_400)} d`;
}
