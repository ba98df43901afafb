import { existsSync } from "node:fs";
import { isAbsolute, join, resolve } from "node:path";
import { type Environment, type InstallConfig, localUrl } from "../config/client.ts";
import { limitVariable } from "../config/server.ts";
import { VARIABLES } from "../config/variables.ts";
import { LIMITS, type LimitName } from "../domain/limits.ts";
import { textOf } from "./files.ts";
import type { Service } from "./service.ts";

/** A service of our name that runs another program. */
export interface Original {
  /** What it runs, for people. */
  runs: string;
  /** The settings of its environment, in our words. */
  settings: Environment;
}

/** What runs the bus's service of that name; undefined when there is none, or it is the executable itself. */
export function findOriginal(config: InstallConfig, service: Service, program: string): Original | undefined {
  const text = textOf(service.file);
  if (text === undefined) return undefined;
  const { words, folder, env } = service.parse(text);
  if (words[0] === program) return undefined;
  return { runs: words.join(" "), settings: carried(env, folder ?? config.home, config) };
}

const KEYS: readonly string[] = [
  ...Object.values(VARIABLES).map(({ name }) => name),
  ...(Object.keys(LIMITS) as LimitName[]).map(limitVariable),
].filter((name) => !isOfClients(name));

function isOfClients(name: string): boolean {
  const { url, token, sessionId, claudeSessionId } = VARIABLES;
  return [url, token, sessionId, claudeSessionId].some((variable) => variable.name === name);
}

/** What of an environment is worth keeping: what differs from the defaults and means something without its former folder. */
function carried(env: Environment, folder: string, { data }: InstallConfig): Environment {
  const { db, log, err, icon, host, port } = VARIABLES;
  const usual: Record<string, string> = {
    [db.name]: join(data, "data.db"),
    [log.name]: join(data, "agent-event-bus.log"),
    [err.name]: join(data, "agent-event-bus.err"),
    [host.name]: host.fallback,
    [port.name]: port.fallback,
  };
  const kept: Record<string, string> = {};
  for (const key of KEYS) {
    const given = env[key];
    // What its installer had to fill in and did not.
    if (!given || /^__\w+__$/.test(given)) continue;
    const isPath = [db, log, err, icon].some(({ name }) => name === key);
    const value = isPath && !isAbsolute(given) ? resolve(folder, given) : given;
    if (value === usual[key] || (key === icon.name && !existsSync(value))) continue;
    kept[key] = value;
  }
  return kept;
}

/** `localUrl` of what settings say. */
export function urlOf(settings: Environment): string {
  return localUrl(settings[VARIABLES.host.name] || undefined, settings[VARIABLES.port.name] || undefined);
}
