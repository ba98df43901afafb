import { type ClientConfig, clientConfig, type Environment, settingsFile, urlIn } from "./client.ts";
import { VARIABLES } from "./variables.ts";

/** The settings of a hook, with what Claude Code tells it. */
export interface HookConfig extends ClientConfig {
  url: string;
  /** Time limit (ms). Undefined if it is not set. */
  timeoutMs: number | undefined;
  /** The client's process. */
  clientPid: number | undefined;
  /** `cli` in an interactive client. */
  entrypoint: string | undefined;
  /** A file whose lines are read by the session's later shell commands. */
  envFile: string | undefined;
}

/**
 * The settings of a hook. `flag` is the URL of its command line.
 * @throws ConfigError if only the settings file can tell the URL, and cannot be understood.
 */
export function hookConfig(env: Environment, flag: string | undefined): HookConfig {
  const given = flag ?? (env[VARIABLES.url.name] || undefined);
  const limit = env[VARIABLES.hookTimeout.name];
  const settings = given !== undefined && limit ? {} : readSettings(given === undefined);
  return {
    ...clientConfig(env),
    url: given ?? urlIn(settings),
    timeoutMs: positive(limit || settings[VARIABLES.hookTimeout.name]),
    clientPid: positive(env.CLAUDE_PID),
    entrypoint: env.CLAUDE_CODE_ENTRYPOINT || undefined,
    envFile: env.CLAUDE_ENV_FILE || undefined,
  };
}

function readSettings(needed: boolean): Environment {
  try {
    return settingsFile();
  } catch (error) {
    if (needed) throw error;
    return {};
  }
}

function positive(text: string | undefined): number | undefined {
  const number = Number(text);
  return Number.isSafeInteger(number) && number > 0 ? number : undefined;
}
