import { clientConfig, settingsFile } from "./client.ts";
import { type Environment, urlIn } from "./parse_settings.ts";
import { VARIABLES } from "./variables.ts";

export type HookConfig = ReturnType<typeof hookConfig>;

/**
 * The settings of a hook, with what Claude Code tells it. `flag` is the URL of its command line.
 * @throws ConfigError if only the settings file can tell the URL, and cannot be understood.
 */
export function hookConfig(env: Environment, flag: string | undefined) {
  const given = flag ?? (env[VARIABLES.url.name] || undefined);
  const limit = env[VARIABLES.hookTimeout.name];
  const settings = given !== undefined && limit ? undefined : readSettings(given === undefined);
  return {
    ...clientConfig(env),
    url: given ?? urlIn(settings ?? {}),
    /** Time limit (ms). Undefined if it is not set. */
    timeoutMs: positive(limit || settings?.[VARIABLES.hookTimeout.name]),
    /** True if the bus is told the last words of a turn. */
    tellsLastWords: () => {
      const { name } = VARIABLES.lastWords;
      return !/^(0|false|no|off)$/i.test(env[name] || (settings ?? readSettings(false))[name] || "");
    },
    /** The client's process. */
    clientPid: positive(env.CLAUDE_PID),
    /** `cli` in an interactive client. */
    entrypoint: env.CLAUDE_CODE_ENTRYPOINT || undefined,
    /** True for a hook of a plugin. */
    ofPlugin: env.CLAUDE_PLUGIN_ROOT !== undefined,
    /** A file whose lines are read by the session's later shell commands. */
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
