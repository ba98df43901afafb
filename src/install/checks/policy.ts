import { quoted } from "../../admin/reason.ts";
import type { Environment } from "../../config/client.ts";
import { isLoopbackUrl } from "../../lib/loopback.ts";
import { notAllowed } from "../allow.ts";
import { managedServers, readSettings, type SettingsFile, settingsFiles } from "../claude_settings.ts";
import { type Check, hostOf, isSameUrl, type Place } from "./facts.ts";

const NAME = "agent-event-bus";

/** A command that opens a file, or whom to ask when an administrator wrote it. */
export function editOf({ file, managed }: Pick<SettingsFile, "file" | "managed">): string {
  return managed
    ? `ask the administrator of this machine to change ${file}`
    : `"\${EDITOR:-vi}" ${quoted(file)}`;
}

interface Rule {
  serverName?: unknown;
  serverUrl?: unknown;
}

/** Whether a setting keeps Claude Code from using the bus although it is registered. */
export const policy: Check = {
  what: "policy",
  async look(place) {
    const { what } = policy;
    const found = place.registration();
    if (found === undefined || found.url === "") return undefined;
    const bad = (text: string, file: Pick<SettingsFile, "file" | "managed">) =>
      ({ what, state: "bad", found: text, repair: editOf(file) }) as const;
    const exclusive = managedServers(place.config);
    if (exclusive !== null && !isIn(exclusive.servers, found.url))
      return bad(`Claude Code uses only the MCP servers of ${exclusive.file}, which leaves out the bus`, {
        file: exclusive.file,
        managed: true,
      });
    const files = settingsFiles(place.config);
    const denying = files.find(({ settings }) =>
      rulesOf(settings.deniedMcpServers).some((rule) => fits(rule, found.url)),
    );
    if (denying !== undefined) return bad(`deniedMcpServers in ${denying.file} names the bus`, denying);
    const allowing = files.filter(({ settings }) => Array.isArray(settings.allowedMcpServers));
    const rules = allowing.flatMap(({ settings }) => rulesOf(settings.allowedMcpServers));
    // A list that has URLs is for servers at URLs: names do not count for those then.
    const byUrl = rules.filter(({ serverUrl }) => serverUrl !== undefined);
    const [first] = allowing;
    if (first === undefined || (byUrl.length > 0 ? byUrl : rules).some((rule) => fits(rule, found.url)))
      return undefined;
    return bad(`allowedMcpServers in ${first.file} leaves out the bus (${found.url})`, first);
  },
};

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

/** Whether Claude Code asks the bus through a proxy, which it does for this machine too; commands and hooks do not. */
export const clientProxy: Check = {
  what: "mcp proxy",
  async look(place) {
    const url = place.registration()?.url;
    if (url === undefined || !URL.canParse(url)) return undefined;
    const found = proxyFor(place, hostOf(url));
    if (found === undefined) return undefined;
    const { name, where, exempt } = found;
    const list = [exempt, hostOf(url)].filter(Boolean).join(",");
    return {
      what: clientProxy.what,
      // Elsewhere the proxy may be the only way.
      state: isLoopbackUrl(url) ? "bad" : "note",
      found: `Claude Code asks the bus at ${hostOf(url)} through the proxy of ${name} in ${where?.file ?? "the environment"}: NO_PROXY does not name it`,
      ...(isLoopbackUrl(url) && {
        repair: where === undefined ? `export NO_PROXY=${quoted(list)}` : editOf(where),
      }),
    };
  },
};

/** The proxy for a host: what settings say goes before the environment. */
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

/** Whether a host is in a list of NO_PROXY. */
export function isExempt(host: string, list: string): boolean {
  const names = list.split(",").map((one) => one.trim().replace(/^\*?\./, ""));
  return names.some((one) => one === "*" || (one !== "" && (host === one || host.endsWith(`.${one}`))));
}

/** Whether a session can call the bus with nobody there to answer a question. */
export const allow: Check = {
  what: "allow",
  async look(place) {
    const { what } = allow;
    if (place.registration() === undefined || place.hooks().broken !== undefined) return undefined;
    const missing = notAllowed(readSettings(place.hooks().file));
    if (missing.length === 0) return { what, state: "ok", found: "sessions call the bus without a question" };
    const found = place.leftOut("allow")
      ? `left out (--no-allow); ${place.install} puts it in`
      : `Claude Code asks its user before a session's first call of ${missing.length} tools of the bus; ${place.install} allows them`;
    return { what, state: "note", found };
  },
};
