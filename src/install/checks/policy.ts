import type { Environment } from "../../config/client.ts";
import { quoted } from "../../lib/escape.ts";
import { isLoopbackUrl } from "../../lib/loopback.ts";
import { notAllowed } from "../allow.ts";
import { managedServers, readSettings, type SettingsFile, settingsFiles } from "../claude_settings.ts";
import { hostOf, isSameUrl, type Place } from "./facts.ts";
import { bad, check, note, ok } from "./finding.ts";

const NAME = "agent-event-bus";

/** The command that opens a file, or a request to the administrator who wrote it. */
export function editOf({ file, managed }: Pick<SettingsFile, "file" | "managed">): string {
  return managed
    ? `ask the administrator of this machine to change ${file}`
    : `"\${EDITOR:-vi}" ${quoted(file)}`;
}

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
      `Claude Code uses only the MCP servers of ${exclusive.file}, which leaves out the bus`,
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
  return bad(`allowedMcpServers in ${first.file} leaves out the bus (${url})`, editOf(first));
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
  const found = `Claude Code asks the bus at ${host} through the proxy of ${name} in ${where?.file ?? "the environment"}: NO_PROXY does not name it`;
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

/** True if a host is in a list of NO_PROXY. */
export function isExempt(host: string, list: string): boolean {
  const names = list.split(",").map((one) => one.trim().replace(/^\*?\./, ""));
  return names.some((one) => one === "*" || (one !== "" && (host === one || host.endsWith(`.${one}`))));
}

/** Sessions can call the bus when nobody is there to answer a question. */
export const allow = check("allow", async ({ registration, hooks, leftOut, install }) => {
  const { broken, file } = hooks();
  if (registration() === undefined || broken !== undefined) return undefined;
  const missing = notAllowed(readSettings(file));
  if (missing.length === 0) return ok("sessions call the bus without a question");
  if (leftOut("allow")) return note(`left out (--no-allow); ${install} puts it in`);
  return note(
    `Claude Code asks its user before a session's first call of ${missing.length} tools of the bus; ${install} allows them`,
  );
});
