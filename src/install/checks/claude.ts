import type { Environment } from "../../config/parse_settings.ts";
import { quoted } from "../../lib/escape.ts";
import { isLoopbackUrl } from "../../lib/loopback.ts";
import { hostOf, isExempt, isSameUrl } from "../../rpc/bus_url.ts";
import { probe } from "../../rpc/probe.ts";
import { notAllowed } from "../allow.ts";
import { managedServers, readSettings, type SettingsFile, settingsFiles } from "../claude_settings.ts";
import { notWoken } from "../claude_version.ts";
import { findClaude } from "../registration.ts";
import type { Place } from "./facts.ts";
import { bad, check, note, ok } from "./finding.ts";
import { editOf, fromMarketplace, hasPlugin } from "./plugin.ts";

const NAME = "agent-event-bus";

/** Claude Code knows the bus as an MCP server, and its token is valid. */
export const registration = check("mcp", async (place) => {
  const { install } = place;
  const found = place.registration();
  if (found === undefined && findClaude(place.config) === undefined)
    return note(`Claude Code is not installed. Once it is, run: ${install}`);
  if (found === undefined && fromMarketplace(place) !== undefined) return undefined;
  if (found === undefined && place.leftOut("mcp")) return note(`left out (--no-mcp). To add it: ${install}`);
  if (found === undefined) return bad("Claude Code does not know the bus", install);
  const { url, token } = found;
  if (url === "") return bad("Claude Code has an entry for the bus that is not a server with a URL", install);
  if (!isSameUrl(url, place.url))
    return bad(`Claude Code connects to ${url}, but commands and hooks to ${place.url}`, install);
  const ours = await place.probe();
  const refused = ours.kind === "bus" && (await probe(url, token)).kind === "unauthorized";
  if (refused && token === undefined) return bad("Claude Code has no token, but the bus needs one", install);
  if (refused) return bad("the token of Claude Code is not valid", install);
  return ok(`Claude Code connects to ${url}${token === undefined ? "" : ", with a token"}`);
});

/** Claude Code runs every hook of the table. */
export const hooks = check("hooks", async (place) => {
  const { install } = place;
  const { file, broken, ignored, missing, stale, right, disabledBy, tooOld } = await place.fittingHooks();
  const unusable = broken ?? ignored;
  if (unusable !== undefined) return bad(unusable, editOf({ file, managed: false }));
  if (hasPlugin(place)) return undefined;
  if (disabledBy !== undefined)
    return bad(`switched off by ${disabledBy.setting} in ${disabledBy.file}`, editOf(disabledBy));
  const all = missing.length + stale.length + right.length;
  const none = missing.length === all;
  if (none && findClaude(place.config) === undefined && place.registration() === undefined)
    return note(`none, because Claude Code is not installed. Once it is, run: ${install}`);
  if (none && place.leftOut("hooks")) return note(`left out (--no-hooks). To add them: ${install}`);
  if (tooOld !== undefined && stale.some((one) => one.endsWith("hook wait")))
    return bad(`${notWoken(tooOld)}, or remove that hook now`, install);
  const lacks = missing.length === 0 ? [] : [`not in ${file}: ${missing.join(", ")}`];
  const olds = stale.length === 0 ? [] : [`of another executable or release: ${stale.join(", ")}`];
  if (right.length < all) return bad([...lacks, ...olds].join("; "), install);
  if (tooOld !== undefined) return note(`${notWoken(tooOld)}, then: ${install}`);
  return ok(`${right.length} of ${all} in ${file}`);
});

interface Rule {
  serverName?: unknown;
  serverUrl?: unknown;
}

/** No setting keeps Claude Code from using the registered bus. */
export const policy = check("policy", async ({ registration, config }) => {
  const url = registration()?.url;
  if (!url) return undefined;
  const exclusive = managedServers(config);
  if (exclusive !== null && !isIn(exclusive.servers, url))
    return bad(
      `Claude Code only uses the MCP servers in ${exclusive.file}, and the bus is not among them`,
      editOf({ file: exclusive.file, managed: true }),
    );
  const files = settingsFiles(config);
  const denying = files.find(({ settings }) =>
    rulesOf(settings.deniedMcpServers).some((rule) => fits(rule, url)),
  );
  if (denying !== undefined) return bad(`deniedMcpServers in ${denying.file} names the bus`, editOf(denying));
  const allowing = files.filter(({ settings }) => Array.isArray(settings.allowedMcpServers));
  const rules = allowing.flatMap(({ settings }) => rulesOf(settings.allowedMcpServers));
  // In a list with URLs, names do not count for servers at URLs.
  const byUrl = rules.filter(({ serverUrl }) => serverUrl !== undefined);
  const [first] = allowing;
  if (first === undefined || (byUrl.length > 0 ? byUrl : rules).some((rule) => fits(rule, url)))
    return undefined;
  return bad(`allowedMcpServers in ${first.file} does not name the bus (${url})`, editOf(first));
});

function isIn(servers: Record<string, unknown>, url: string): boolean {
  const urls = Object.values(servers).map((server) => (server as { url?: unknown } | null)?.url);
  return NAME in servers || urls.some((one) => typeof one === "string" && isSameUrl(one, url));
}

function rulesOf(list: unknown): Rule[] {
  return Array.isArray(list) ? list.filter((rule) => typeof rule === "object" && rule !== null) : [];
}

function fits({ serverName, serverUrl }: Rule, url: string): boolean {
  if (typeof serverUrl !== "string") return serverName === NAME;
  const pattern = serverUrl.split("*").map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${pattern.join(".*")}$`, "i").test(url);
}

const PROXIES = ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];

/** Claude Code asks the bus without a proxy. Unlike commands and hooks, it uses one for this machine too. */
export const clientProxy = check("mcp proxy", async (place) => {
  const url = place.registration()?.url;
  if (url === undefined || !URL.canParse(url)) return undefined;
  const host = hostOf(url);
  const proxied = proxyFor(place, host);
  if (proxied === undefined) return undefined;
  const { name, where, exempt } = proxied;
  const found = `Claude Code connects to ${host} through the proxy in ${name} (${where?.file ?? "the environment"}), because NO_PROXY does not name it`;
  // For a bus elsewhere the proxy may be the only way.
  if (!isLoopbackUrl(url)) return note(found);
  const list = [exempt, host].filter(Boolean).join(",");
  return bad(found, where === undefined ? `export NO_PROXY=${quoted(list)}` : editOf(where));
});

/** The proxy for a host. Settings win over the environment. */
function proxyFor({ config }: Place, host: string) {
  const layers: { env: Environment; where?: SettingsFile }[] = [
    { env: config.env },
    ...settingsFiles(config).map((where) => ({ env: (where.settings.env ?? {}) as Environment, where })),
  ];
  const last = (names: readonly string[]) => layers.findLast(({ env }) => names.some((name) => env[name]));
  const set = last(PROXIES);
  const name = PROXIES.find((one) => set?.env[one]);
  if (set === undefined || name === undefined) return undefined;
  const { NO_PROXY, no_proxy } = last(["NO_PROXY", "no_proxy"])?.env ?? {};
  const exempt = String(NO_PROXY || no_proxy || "");
  return isExempt(host, exempt) ? undefined : { name, where: set.where, exempt };
}

/** Sessions can call the bus when nobody is there to answer a question. */
export const allow = check("allow", async ({ registration, hooks, leftOut, install }) => {
  const { broken, file } = hooks();
  if (registration() === undefined || broken !== undefined) return undefined;
  const missing = notAllowed(readSettings(file));
  if (missing.length === 0) return ok("sessions call the bus without asking you");
  if (leftOut("allow")) return note(`left out (--no-allow). To add it: ${install}`);
  return note(
    `Claude Code asks you before a session first calls ${missing.length} tools of the bus. To allow them: ${install}`,
  );
});
