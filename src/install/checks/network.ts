import { VARIABLES } from "../../config/variables.ts";
import { attempt } from "../../lib/attempt.ts";
import { findProgram, run } from "../../lib/exec.ts";
import { isLoopbackUrl } from "../../lib/loopback.ts";
import { hostOf, isExempt } from "../../rpc/bus_url.ts";
import type { Place } from "./facts.ts";
import { bad, check, note, ok } from "./finding.ts";

const MAC_APP = "/Applications/Tailscale.app/Contents/MacOS";
const LONGEST_MS = 3_000;

interface Status {
  BackendState?: string;
  Self?: Peer;
  /** Null if the tailnet has no other machine. */
  Peer?: Record<string, Peer> | null;
}

interface Peer {
  DNSName?: string;
  Online?: boolean;
}

/** Tailscale is up, if the way to the bus needs it. */
export const tailscale = check("tailscale", async (place) => {
  if (!needsTailscale(place)) return undefined;
  const program = findProgram("tailscale", place.config, [MAC_APP, "/usr/local/bin"]);
  if (program === undefined) return note("not checked, because the command tailscale was not found");
  const ran = await run([program, "status", "--json"], place.config, LONGEST_MS);
  const status = attempt((): Status => JSON.parse(ran.stdout));
  if (status === undefined)
    return bad(`tailscale status fails: ${ran.stderr.trim().split("\n")[0]}`, "tailscale up");
  const { BackendState: state, Self: self, Peer: peers } = status;
  if (state !== "Running") return bad(`state: ${state ?? "unknown"}`, "tailscale up");
  const host = hostOf(place.url);
  const isIt = ({ DNSName: name = "" }: Peer) => name.replace(/\.$/, "").toLowerCase() === host;
  const peer = Object.values(peers ?? {}).find(isIt);
  if (peer !== undefined && peer.Online === false)
    return bad(`${host} is offline`, `on ${host}: tailscale up`);
  if (peer === undefined && host.endsWith(".ts.net") && !(self !== undefined && isIt(self)))
    return bad(`the tailnet has no machine called ${host}`, "tailscale status");
  return ok(`up${peer === undefined ? "" : `, ${host} is online`}`);
});

function needsTailscale({ url, settings }: Place): boolean {
  const host = hostOf(url);
  const named = [VARIABLES.allowedLogins, VARIABLES.tailscaled].some(({ name }) => settings[name]);
  return named || host.endsWith(".ts.net") || /^100\.(6[4-9]|[7-9]\d|1[01]\d|12[0-7])\./.test(host);
}

/** No proxy stands between this machine and a bus elsewhere. A bus of this machine is never asked through one. */
export const proxy = check("proxy", async ({ url, config: { env } }) => {
  if (isLoopbackUrl(url) || !URL.canParse(url)) return undefined;
  const { protocol, hostname } = new URL(url);
  const names = protocol === "https:" ? ["HTTPS_PROXY", "https_proxy"] : ["HTTP_PROXY", "http_proxy"];
  const set = names.find((name) => env[name]);
  if (set === undefined || isExempt(hostname, env.NO_PROXY ?? env.no_proxy ?? "")) return undefined;
  return note(
    `${set} is set, so requests to ${hostname} go through that proxy. To connect directly: export NO_PROXY=${hostname}`,
  );
});
