import { VARIABLES } from "../../config/variables.ts";
import { isLoopbackUrl } from "../../lib/loopback.ts";
import { findProgram, run } from "../exec.ts";
import { type Check, type Finding, hostOf, type Place } from "./facts.ts";
import { isExempt } from "./policy.ts";

const MAC_APP = "/Applications/Tailscale.app/Contents/MacOS";
const LONGEST_MS = 3_000;

/** Whether Tailscale is up, where the way to the bus needs it. */
export const tailscale: Check = {
  what: "tailscale",
  async look(place) {
    const { what } = tailscale;
    if (!needsTailscale(place)) return undefined;
    const program = findProgram("tailscale", place.config, [MAC_APP, "/usr/local/bin"]);
    if (program === undefined)
      return { what, state: "note", found: "there is no command tailscale here to ask; the bus decides" };
    const ran = await run([program, "status", "--json"], place.config, LONGEST_MS).catch((error) => ({
      code: 1,
      stdout: "",
      stderr: String(error),
    }));
    const status = statusIn(ran.stdout);
    return status === undefined
      ? {
          what,
          state: "bad",
          found: `tailscale status fails: ${ran.stderr.trim().split("\n")[0]}`,
          repair: "tailscale up",
        }
      : judge(status, place);
  },
};

interface Status {
  BackendState?: string;
  Self?: Peer;
  /** Null when the tailnet has no other machine. */
  Peer?: Record<string, Peer> | null;
}

interface Peer {
  DNSName?: string;
  Online?: boolean;
}

function judge({ BackendState: state, Self: self, Peer: peers }: Status, { url }: Place): Finding {
  const { what } = tailscale;
  if (state !== "Running")
    return { what, state: "bad", found: `it is ${state ?? "in no known state"}`, repair: "tailscale up" };
  const host = hostOf(url);
  const isIt = ({ DNSName: name = "" }: Peer) => name.replace(/\.$/, "").toLowerCase() === host;
  const peer = Object.values(peers ?? {}).find(isIt);
  if (peer !== undefined && peer.Online === false)
    return { what, state: "bad", found: `${host} is offline`, repair: `on ${host}: tailscale up` };
  if (peer === undefined && host.endsWith(".ts.net") && !(self !== undefined && isIt(self)))
    return {
      what,
      state: "bad",
      found: `no machine of the tailnet is called ${host}`,
      repair: "tailscale status",
    };
  return { what, state: "ok", found: `up${peer === undefined ? "" : `, ${host} is online`}` };
}

function needsTailscale({ url, settings }: Place): boolean {
  const host = hostOf(url);
  const named = [VARIABLES.allowedLogins, VARIABLES.tailscaled].some(({ name }) => settings[name]);
  return named || host.endsWith(".ts.net") || /^100\.(6[4-9]|[7-9]\d|1[01]\d|12[0-7])\./.test(host);
}

function statusIn(text: string): Status | undefined {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Whether a proxy stands between this machine and a bus elsewhere; a bus of this machine is never asked through one. */
export const proxy: Check = {
  what: "proxy",
  async look({ url, config: { env } }) {
    const { what } = proxy;
    if (isLoopbackUrl(url) || !URL.canParse(url)) return undefined;
    const { protocol, hostname } = new URL(url);
    const names = protocol === "https:" ? ["HTTPS_PROXY", "https_proxy"] : ["HTTP_PROXY", "http_proxy"];
    const set = names.find((name) => env[name]);
    if (set === undefined || isExempt(hostname, env.NO_PROXY ?? env.no_proxy ?? "")) return undefined;
    return {
      what,
      state: "note",
      found: `${set} is set: ${hostname} is asked through it. To go there directly: export NO_PROXY=${hostname}`,
    };
  },
};
