import { existsSync } from "node:fs";
import { isAbsolute, join, resolve } from "node:path";
import type { InstallConfig } from "../config/client.ts";
import type { Environment } from "../config/parse_settings.ts";
import { settingNames } from "../config/server.ts";
import { VARIABLES } from "../config/variables.ts";
import { textOf } from "../lib/files.ts";
import type { Service } from "./service_types.ts";

/** A service of our name that runs another program. Undefined if there is no service, or it runs our executable. */
export function findOriginal(config: InstallConfig, service: Service, program: string) {
  const text = textOf(service.file);
  if (text === undefined) return undefined;
  const { words, folder, env } = service.parse(text);
  if (words[0] === program) return undefined;
  return { runs: words.join(" "), settings: carried(env, folder ?? config.home, config) };
}

const { url, token, sessionId, claudeSessionId } = VARIABLES;
const OF_CLIENTS: readonly string[] = [url, token, sessionId, claudeSessionId].map(({ name }) => name);

/** Variables that differ from the defaults and have a meaning in another folder. */
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
  for (const key of settingNames().filter((name) => !OF_CLIENTS.includes(name))) {
    const given = env[key];
    // A placeholder that the original's installer did not fill in.
    if (!given || /^__\w+__$/.test(given)) continue;
    const isPath = [db, log, err, icon].some(({ name }) => name === key);
    const value = isPath && !isAbsolute(given) ? resolve(folder, given) : given;
    if (value === usual[key] || (key === icon.name && !existsSync(value))) continue;
    kept[key] = value;
  }
  return kept;
}
