import { version } from "../../package.json" with { type: "json" };
import { isLoopback } from "../lib/loopback.ts";
import { isSpecial, textOf } from "../runtime/file.ts";
import { ConfigError, type Environment, parseSettings, urlIn } from "./parse_settings.ts";
import { VARIABLES } from "./variables.ts";

export { version };

export const environment: Environment = process.env;

/** The header in which a command of a terminal names its process, so that the bus can tell the person from an agent. */
export const PROCESS_HEADER = "agent-event-bus-process";

// Certificates are always checked: it would let anyone on the way read tokens and answers.
delete process.env.NODE_TLS_REJECT_UNAUTHORIZED;

// Loading node:os and node:path takes a tenth of a command's time, and most commands need neither.
const os = () => process.getBuiltinModule("node:os");
const join = (...parts: string[]) => parts.join(process.platform === "win32" ? "\\" : "/");

/** This machine's name in sessions. */
export function machine(): string {
  return os().hostname();
}

export function dataDirectory(): string {
  return join(homeDirectory(), ".claude", "contrib", "agent-event-bus");
}

/**
 * The user's home folder.
 * @throws ConfigError when HOME is a relative path, which would mean another folder for each command.
 */
export function homeDirectory(): string {
  const { HOME } = environment;
  if (process.platform === "win32" || !HOME) return os().homedir();
  if (!HOME.startsWith("/"))
    throw new ConfigError(`HOME is "${HOME}", which is not an absolute path. Set it to your home folder.`);
  return HOME;
}

export function settingsPath(): string {
  return join(dataDirectory(), "settings.env");
}

export function tokenPath(): string {
  return join(dataDirectory(), "token");
}

/** The Unix socket of the bus that listens on a TCP port of this machine. */
export function socketPath(port: number | string, folder: string = dataDirectory()): string {
  return join(folder, `${port}.sock`);
}

/** True for a bus whose socket is in the data directory: it runs on this machine, for this user. */
export function isOwnBus(url: string): boolean {
  const target = URL.parse(url);
  return target !== null && isLoopback(target.hostname) && isSpecial(socketPath(target.port || "80"));
}

/** The user whose bus may be used beside one's own. A settings file that cannot be understood allows no user. */
export function busUser(): string | undefined {
  const { name } = VARIABLES.busUser;
  if (environment[name]) return environment[name];
  try {
    return settingsFile()[name] || undefined;
  } catch {
    return undefined;
  }
}

/**
 * The settings file's text. Empty if there is no file.
 * @throws ConfigError when it cannot be read.
 */
export function settingsText(): string {
  const file = settingsPath();
  try {
    return textOf(file) ?? "";
  } catch (error) {
    throw new ConfigError(`${file} cannot be read: ${(error as Error).message}.`);
  }
}

/**
 * The settings of the settings file. Empty if there is no file.
 * @throws ConfigError when it cannot be read or understood.
 */
export function settingsFile(): Environment {
  return parseSettings(settingsText(), settingsPath());
}

const MOST_TOKEN_BYTES = 64 * 1024;

/**
 * The token in the data directory, for commands: in `settings.env`, or in the file `token`. Undefined if there is no token.
 * @throws ConfigError when other users can read it.
 */
export function keptToken(): string | undefined {
  const set = settingsFile()[VARIABLES.token.name];
  if (set) return set;
  const { readFileSync, statSync } = process.getBuiltinModule("node:fs");
  const file = tokenPath();
  const found = statSync(file, { throwIfNoEntry: false });
  if (found === undefined) return undefined;
  if (!found.isFile() || found.size > MOST_TOKEN_BYTES)
    throw new ConfigError(`${file} does not hold a token. Put the token there, or remove it.`);
  if (process.platform !== "win32" && (found.mode & 0o077) !== 0)
    throw new ConfigError(`${file} can be read by other users of this machine. Run: chmod 600 ${file}`);
  return readFileSync(file, "utf8").trim() || undefined;
}

/**
 * The bus that commands talk to: a flag wins over the environment, which wins over `settings.env`.
 * @throws ConfigError if the settings file cannot be understood.
 */
export function busUrl(flag: string | undefined, env: Environment): string {
  return flag ?? (env[VARIABLES.url.name] || urlIn(settingsFile()));
}

export type ClientConfig = ReturnType<typeof clientConfig>;

/** The settings of a command. */
export function clientConfig(env: Environment) {
  return {
    token: env[VARIABLES.token.name] || undefined,
    sessionId: env[VARIABLES.sessionId.name] || env[VARIABLES.claudeSessionId.name] || undefined,
    color: colorOf(env),
  };
}

/** True if the user of this environment sees the windows of this machine. */
export function hasScreen({ DISPLAY, WAYLAND_DISPLAY, SSH_CONNECTION }: Environment): boolean {
  if (process.platform === "win32" || process.platform === "darwin") return !SSH_CONNECTION;
  return Boolean(DISPLAY || WAYLAND_DISPLAY);
}

export type Color = "auto" | "always" | "never";

// NO_COLOR (no-color.org) and FORCE_COLOR (force-color.org).
function colorOf({ NO_COLOR, FORCE_COLOR, TERM }: Environment): Color {
  if (NO_COLOR) return "never";
  if (FORCE_COLOR && FORCE_COLOR !== "0") return "always";
  return FORCE_COLOR === "0" || TERM === "dumb" ? "never" : "auto";
}

/** The XDG specification has programs ignore relative paths. */
function absolute(path: string | undefined): string | undefined {
  return path?.startsWith("/") ? path : undefined;
}

// Claude Code's folders on Linux, macOS and Windows.
const MANAGED = [
  "/etc/claude-code",
  "/Library/Application Support/ClaudeCode",
  "C:/Program Files/ClaudeCode",
];

export type InstallConfig = ReturnType<typeof installConfig>;

/** The places and the environment of the installer. */
export function installConfig(env: Environment) {
  const home = homeDirectory();
  const { delimiter, resolve } = process.getBuiltinModule("node:path");
  const moved = env.CLAUDE_CONFIG_DIR && resolve(env.CLAUDE_CONFIG_DIR);
  return {
    home,
    /** The data directory. */
    data: dataDirectory(),
    /** Folder of the executable. */
    bin: join(home, ".local", "bin"),
    claude: {
      folder: moved || join(home, ".claude"),
      /** Claude Code's own file, which the command `claude` writes. */
      file: join(moved || home, ".claude.json"),
      /** Settings of the machine's administrator, which go before the user's. */
      managed: MANAGED.map((folder) => `${folder}/managed-settings.json`),
    },
    /** Folder of user units. */
    units: join(absolute(env.XDG_CONFIG_HOME) ?? join(home, ".config"), "systemd", "user"),
    /** Folders of commands. */
    path: (env.PATH ?? "").split(delimiter).filter((folder) => folder !== ""),
    /** Path of the user's shell. */
    shell: env.SHELL || undefined,
    /** Environment of child processes. */
    env,
  };
}
