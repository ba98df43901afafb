import manifest from "../package.json" with { type: "json" };

/** Every variable that is read, with its default and meaning: what the program reads, the guide and the README print. */
export const VARIABLES = {
  host: { name: "HOST", fallback: "127.0.0.1", about: "Address to listen on", flag: "host" },
  port: { name: "PORT", fallback: "8080", about: "Port to listen on", flag: "port" },
  db: {
    name: "AGENT_EVENT_BUS_DB",
    fallback: "data.db in the data directory",
    about: "Database file",
    flag: "db",
  },
  log: {
    name: "AGENT_EVENT_BUS_LOG",
    fallback: "agent-event-bus.log in the data directory",
    about: "Log file: one line per tool call",
  },
  err: {
    name: "AGENT_EVENT_BUS_ERR",
    fallback: "agent-event-bus.err in the data directory",
    about: "Details of unexpected errors",
  },
  icon: { name: "AGENT_EVENT_BUS_ICON", fallback: "none", about: "Picture shown on desktop notifications" },
  allowedHosts: {
    name: "AGENT_EVENT_BUS_ALLOWED_HOSTS",
    fallback: "none",
    about: "Further host names the bus answers to, comma-separated",
  },
  webhookAllowCidrs: {
    name: "AGENT_EVENT_BUS_WEBHOOK_ALLOW_CIDRS",
    fallback: "none",
    about: "Private networks that webhooks registered from other machines may name, comma-separated",
  },
  webhookBacklog: {
    name: "AGENT_EVENT_BUS_WEBHOOK_BACKLOG",
    fallback: "100000",
    about: "Deliveries that may wait for one webhook; the oldest beyond it expire",
  },
  webhookTimeout: {
    name: "AGENT_EVENT_BUS_WEBHOOK_TIMEOUT",
    fallback: "15000",
    about: "How long a webhook's receiver may take to answer, ms",
  },
  webhookSpeed: {
    name: "AGENT_EVENT_BUS_WEBHOOK_SPEED",
    fallback: "1",
    about: "How many times faster waits between attempts pass; for tests",
  },
  url: {
    name: "AGENT_EVENT_BUS_URL",
    fallback: "http://127.0.0.1:8080/mcp",
    about: "The bus that commands talk to",
    flag: "url",
  },
  token: { name: "AGENT_EVENT_BUS_TOKEN", fallback: "none", about: "Sent by commands as a Bearer token" },
  sessionId: {
    name: "AGENT_EVENT_BUS_SESSION_ID",
    fallback: "CLAUDE_CODE_SESSION_ID",
    about: "Session of publish, events and ack without --session-id",
  },
  claudeSessionId: {
    name: "CLAUDE_CODE_SESSION_ID",
    fallback: "none",
    about: "Set by Claude Code; used when the line above is not set",
  },
} as const satisfies Record<string, { name: string; fallback: string; about: string; flag?: string }>;

export const version = manifest.version;

export type Environment = Readonly<Record<string, string | undefined>>;

export const environment: Environment = process.env;

// Most commands need neither, and loading them takes a tenth of their time.
const os = () => process.getBuiltinModule("node:os");
const join = (...parts: string[]) => process.getBuiltinModule("node:path").join(...parts);

/** This machine's name, as sessions state it. */
export function machine(): string {
  return os().hostname();
}

export function dataDirectory(): string {
  return join(os().homedir(), ".claude", "contrib", "agent-event-bus");
}

/** A setting has a value that cannot be used. The message names it. */
export class ConfigError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "ConfigError";
  }
}

export interface ServerConfig {
  host: string;
  /** 0 lets the system choose. */
  port: number;
  db: string;
  log: string;
  err: string;
  icon: string | undefined;
  allowedHosts: readonly string[];
  webhooks: {
    allowedNetworks: string;
    backlog: number;
    timeoutMs: number;
    speed: number;
  };
  /** What the desktop's notification program needs to find the person's screen. */
  desktop: { path: string; env: Environment };
}

/** The server's settings: flags win over the environment, which wins over `settings.env`. Throws ConfigError. */
export function serverConfig(flags: Environment, env: Environment, settings: Environment): ServerConfig {
  const value = (key: keyof typeof VARIABLES) =>
    flags[key] ?? (env[VARIABLES[key].name] || settings[VARIABLES[key].name] || undefined);
  return {
    host: value("host") ?? VARIABLES.host.fallback,
    port: portOf(value("port") ?? VARIABLES.port.fallback),
    db: value("db") ?? join(dataDirectory(), "data.db"),
    log: value("log") ?? join(dataDirectory(), "agent-event-bus.log"),
    err: value("err") ?? join(dataDirectory(), "agent-event-bus.err"),
    icon: value("icon"),
    allowedHosts: (value("allowedHosts") ?? "")
      .split(",")
      .map((host) => host.trim().toLowerCase())
      .filter(Boolean),
    webhooks: {
      allowedNetworks: value("webhookAllowCidrs") ?? "",
      backlog: numberOf("webhookBacklog", value("webhookBacklog"), 1, 10_000_000),
      timeoutMs: numberOf("webhookTimeout", value("webhookTimeout"), 100, 60_000),
      speed: numberOf("webhookSpeed", value("webhookSpeed"), 1, 1_000_000),
    },
    desktop: { path: env.PATH ?? "", env: Object.fromEntries(DESKTOP.map((name) => [name, env[name]])) },
  };
}

const DESKTOP = [
  "DISPLAY",
  "WAYLAND_DISPLAY",
  "DBUS_SESSION_BUS_ADDRESS",
  "XDG_RUNTIME_DIR",
  "XAUTHORITY",
  "HOME",
];

function numberOf(
  key: keyof typeof VARIABLES,
  text: string | undefined,
  least: number,
  most: number,
): number {
  const { name, fallback } = VARIABLES[key];
  const number = /^\d+$/.test(text ?? fallback) ? Number(text ?? fallback) : Number.NaN;
  if (!(number >= least && number <= most))
    throw new ConfigError(`${name} takes a whole number from ${least} to ${most}, not "${text}".`);
  return number;
}

function portOf(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (!(port <= 65_535))
    throw new ConfigError(`The port "${text}" is not a number from 0 to 65535 (--port or PORT).`);
  return port;
}

/** KEY=VALUE lines; blank lines and lines that start with # are skipped. Throws ConfigError naming an odd line. */
export function parseSettings(text: string, file: string): Environment {
  const settings: Record<string, string> = {};
  for (const [i, line] of text.split(/\r?\n/).entries()) {
    if (/^\s*(#|$)/.test(line)) continue;
    const [, key, value = ""] = /^\s*(?:export\s+)?([A-Za-z_]\w*)\s*=\s*(.*?)\s*$/.exec(line) ?? [];
    if (key === undefined)
      throw new ConfigError(`${file}, line ${i + 1}: "${line.trim()}" is not KEY=VALUE.`);
    settings[key] = value.replace(/^(["'])(.*)\1$/, "$2");
  }
  return settings;
}

export interface ClientConfig {
  url: string;
  token: string | undefined;
  sessionId: string | undefined;
  colours: boolean;
}

/** The settings of a command. */
export function clientConfig(env: Environment): ClientConfig {
  return {
    url: env[VARIABLES.url.name] || VARIABLES.url.fallback,
    token: env[VARIABLES.token.name] || undefined,
    sessionId: env[VARIABLES.sessionId.name] || env[VARIABLES.claudeSessionId.name] || undefined,
    colours: !env.NO_COLOR && env.TERM !== "dumb",
  };
}
