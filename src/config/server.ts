import { WAKE_SETTINGS } from "../domain/attention.ts";
import { LIMITS, type LimitName, type Limits } from "../domain/limits.ts";
import { NOTIFY_SETTINGS } from "../domain/notification.ts";
import { dataDirectory, homeDirectory } from "./client.ts";
import { ConfigError, type Environment } from "./parse_settings.ts";
import { hasPassword, type PostgresPlace, postgresPlace } from "./postgres.ts";
import { type PushConfig, publicUrlOf, topicsOf } from "./push.ts";
import { VARIABLES } from "./variables.ts";

type Variable = keyof typeof VARIABLES;

export type ServerConfig = ReturnType<typeof serverConfig>;

/** The server's settings. Flags win over the environment, which wins over `settings.env`. @throws ConfigError when one is wrong. */
export function serverConfig(flags: Environment, env: Environment, settings: Environment) {
  const value = (key: Variable) =>
    flags[key] ?? (env[VARIABLES[key].name] || settings[VARIABLES[key].name] || undefined);
  const number = (key: Variable, least: number, most: number) =>
    wholeNumber(VARIABLES[key].name, value(key) ?? VARIABLES[key].fallback, least, most);
  const push = pushOf(value);
  const port = portOf(value("port") ?? VARIABLES.port.fallback);
  return {
    host: (value("host") ?? VARIABLES.host.fallback).replace(/^\[(.*)\]$/, "$1"),
    /** 0 lets the system choose. */
    port,
    db: databasePath(flags.db, env, settings, port),
    /** Null if the database is a file. */
    postgres: postgresIn(flags.db, env, settings),
    ...logFiles(env, settings),
    icon: pathOf("icon", env, settings),
    allowedHosts: [...listOf(value("allowedHosts")), ...hostsOf(push)],
    access: accessOf(value, pathOf("tailscaled", env, settings)),
    limits: limitsOf(env, settings),
    wake: oneOf(WAKE_SETTINGS, VARIABLES.wake, value("wake")),
    notices: oneOf(NOTIFY_SETTINGS, VARIABLES.notify, value("notify")),
    tools: oneOf(TOOL_LISTS, VARIABLES.tools, value("tools")),
    push,
    inbound: oneOf(INBOUND, VARIABLES.inbound, value("inbound")),
    webhooks: {
      allowedNetworks: value("webhookAllowCidrs") ?? "",
      backlog: number("webhookBacklog", 1, 10_000_000),
      timeoutMs: number("webhookTimeout", 100, 60_000),
      speed: number("webhookSpeed", 1, 1_000_000),
    },
    /** Environment that the notification program needs to find the user's screen. */
    desktop: { path: env.PATH ?? "", env: Object.fromEntries(DESKTOP.map((name) => [name, env[name]])) },
  };
}

/** The log and the file of details. @throws ConfigError when a path cannot be used. */
export function logFiles(env: Environment, settings: Environment): { log: string; err: string } {
  return {
    log: pathOf("log", env, settings) ?? inData("agent-event-bus.log"),
    err: pathOf("err", env, settings) ?? inData("agent-event-bus.err"),
  };
}

/**
 * The database file. For a database on PostgreSQL, the path beside which a bus of this machine has its lock.
 * @throws ConfigError when the path cannot be used.
 */
export function databasePath(
  flag: string | undefined,
  env: Environment,
  settings: Environment,
  port?: number,
): string {
  if (flag === "") throw new ConfigError("--db needs a file.");
  if (postgresIn(flag, env, settings) === null) return pathOf("db", env, settings, flag) ?? inData("data.db");
  const { name, fallback } = VARIABLES.port;
  return lockPath(port ?? (env[name] || settings[name] || fallback));
}

/** A database for people: the path of its file, or its place without secrets. */
export function shownDatabase({ db, postgres }: Pick<ServerConfig, "db" | "postgres">): string {
  return postgres?.shown ?? db;
}

/** The path beside which a bus of this machine has its lock, if its database is on PostgreSQL. */
export function lockPath(port: number | string, folder = dataDirectory()): string {
  return process.getBuiltinModule("node:path").join(folder, `postgres-${port}`);
}

/** The PostgreSQL database of the settings. Null if the database is a file. @throws ConfigError when it cannot be used. */
export function postgresIn(
  flag: string | undefined,
  env: Environment,
  settings: Environment,
): PostgresPlace | null {
  const { name } = VARIABLES.db;
  return flag === undefined ? postgresPlace(env[name] || settings[name], name) : postgresOf(flag, "--db");
}

/** The database that `--to` names: a path, or a place on PostgreSQL. @throws ConfigError when it cannot be used. */
export function databaseAt(to: string): PostgresPlace | string {
  return postgresOf(to, "--to") ?? expanded(to, "--to");
}

function postgresOf(text: string, flag: string): PostgresPlace | null {
  if (hasPassword(text))
    throw new ConfigError(
      `${flag} has a password, which other users of this machine could see. ${flag === "--db" ? `Put the URL into settings.env as ${VARIABLES.db.name}, or the password` : "Put the password"} into a file that PGPASSFILE names.`,
    );
  return postgresPlace(text, flag);
}

/** A path from the settings. In `settings.env` it is relative to the data directory. */
function pathOf(key: Variable, env: Environment, settings: Environment, flag?: string): string | undefined {
  const { name } = VARIABLES[key];
  const here = flag ?? (env[name] || undefined);
  if (here !== undefined) return expanded(here, flag === undefined ? name : `--${key}`);
  const kept = settings[name] || undefined;
  if (kept === undefined) return undefined;
  return process.getBuiltinModule("node:path").resolve(dataDirectory(), expanded(kept, name));
}

function expanded(path: string, name: string): string {
  const scheme = /^(:memory:|file:|[a-z][a-z\d+.-]+:(?=\/\/))/i.exec(path)?.[0];
  if (scheme !== undefined)
    throw new ConfigError(`${name} takes the path of a file, not an address (${scheme}…).`);
  if (/^(\$|~[^/\\])/.test(path))
    throw new ConfigError(`${name} is "${path}", which was not expanded. Write ~/ or the full path.`);
  if (/[/\\]$/.test(path)) throw new ConfigError(`${name} is "${path}", a folder. Give the path of a file.`);
  return path.replace(/^~(?=$|[/\\])/, homeDirectory());
}

const DESKTOP = [
  "DISPLAY",
  "WAYLAND_DISPLAY",
  "DBUS_SESSION_BUS_ADDRESS",
  "XDG_RUNTIME_DIR",
  "XAUTHORITY",
  "HOME",
];

function wholeNumber(name: string, text: string, least: number, most: number): number {
  const number = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (!(number >= least && number <= most))
    throw new ConfigError(`${name} must be a whole number from ${least} to ${most}, not "${text}".`);
  return number;
}

function accessOf(value: (key: Variable) => string | undefined, tailscaled: string | undefined) {
  const switched = (key: Variable) => switchOf(key, value(key));
  const access = {
    allowedLogins: listOf(value("allowedLogins")),
    tailscaled:
      tailscaled ??
      (process.platform === "darwin" ? "/var/run/tailscaled.socket" : "/run/tailscale/tailscaled.sock"),
    onlyTokens: switched("requireToken"),
    trustHeaders: switched("trustHeaders"),
    open: switched("authDisabled"),
  };
  const outside = access.open ? "authDisabled" : access.trustHeaders ? "trustHeaders" : undefined;
  if (value("inbound")?.toLowerCase() === "public" && outside !== undefined)
    throw new ConfigError(
      `${VARIABLES.inbound.name}=public and ${VARIABLES[outside].name} cannot both be set, because strangers could then use the whole bus. Unset one of them.`,
    );
  if (access.onlyTokens && (access.open || access.trustHeaders))
    throw new ConfigError(
      `${VARIABLES.requireToken.name} and ${VARIABLES[access.open ? "authDisabled" : "trustHeaders"].name} cannot both be set. Unset one of them.`,
    );
  return access;
}

/** @throws ConfigError that shows no secret. */
function pushOf(value: (key: Variable) => string | undefined): PushConfig {
  return {
    topics: topicsOf(value("push")),
    publicUrl: publicUrlOf(value("publicUrl")),
    detail: switchOf("pushDetail", value("pushDetail")),
  };
}

/** The bus answers to the name by which the phone reaches it. */
function hostsOf({ publicUrl }: PushConfig): string[] {
  return publicUrl === null ? [] : [new URL(publicUrl).hostname];
}

function listOf(text = ""): string[] {
  return text
    .split(",")
    .map((item) => item.trim().toLowerCase())
    .filter(Boolean);
}

function switchOf(key: Variable, text = "0"): boolean {
  if (/^(1|true|yes|on)$/i.test(text)) return true;
  if (/^(0|false|no|off)$/i.test(text)) return false;
  throw new ConfigError(`${VARIABLES[key].name} takes 1 or 0, not "${text}".`);
}

const INBOUND = ["guarded", "public"] as const;
const TOOL_LISTS = ["core", "all"] as const;

function oneOf<const Choice extends string>(
  choices: readonly Choice[],
  { name, fallback }: { name: string; fallback: string },
  text = fallback,
): Choice {
  const choice = choices.find((one) => one === text.toLowerCase());
  if (choice === undefined)
    throw new ConfigError(`${name} must be one of ${choices.join(", ")}, not "${text}".`);
  return choice;
}

/** Name of the variable that sets a limit. */
export function limitVariable(name: LimitName): string {
  return `AGENT_EVENT_BUS_LIMIT_${name.toUpperCase()}`;
}

/** Names of every variable that the bus or its clients read. */
export function settingNames(): string[] {
  const limits = (Object.keys(LIMITS) as LimitName[]).map(limitVariable);
  return [...Object.values(VARIABLES).map(({ name }) => name), ...limits];
}

/** @throws ConfigError when a limit is wrong. */
export function limitsOf(env: Environment, settings: Environment): Limits {
  const limits = {} as Record<LimitName, number>;
  for (const name of Object.keys(LIMITS) as LimitName[]) {
    const { fallback, most } = LIMITS[name];
    const variable = limitVariable(name);
    const text = env[variable] || settings[variable] || String(fallback);
    limits[name] = wholeNumber(variable, text, fallback === 0 ? 0 : 1, most);
  }
  if (limits.payload_bytes >= limits.body_bytes)
    throw new ConfigError(
      `${limitVariable("body_bytes")} (${limits.body_bytes}) must be larger than ${limitVariable("payload_bytes")} (${limits.payload_bytes}), because a body holds the payload and more.`,
    );
  return limits;
}

function portOf(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (!(port <= 65_535))
    throw new ConfigError(`The port "${text}" is not a number from 0 to 65535 (--port or PORT).`);
  return port;
}

function inData(name: string): string {
  return process.getBuiltinModule("node:path").join(dataDirectory(), name);
}
