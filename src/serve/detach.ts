import { resolve } from "node:path";
import { busOf } from "../admin/holder.ts";
import { environment, installConfig, settingsFile } from "../config/client.ts";
import type { Environment } from "../config/parse_settings.ts";
import { databasePath, type ServerConfig } from "../config/server.ts";
import { VARIABLES } from "../config/variables.ts";
import { NotStarted, startInBackground } from "../install/background.ts";
import { ownWords, typedCommand } from "../install/binary.ts";
import { urlOfProcess } from "../install/own_bus.ts";
import { attempt } from "../lib/attempt.ts";
import { quoted } from "../lib/escape.ts";
import { realOf } from "../lib/permissions.ts";
import { tilde } from "../lib/tilde.ts";
import { within } from "../lib/within.ts";

/** A bus in the background. */
interface Detached {
  url: string;
  pid: number;
  database: string;
  log: string;
  /** The command that stops it. */
  stop: string;
  /** True if it ran before. */
  already: boolean;
}

const LISTENS_MS = 5_000;
const FAILED = 1;

/**
 * Starts the bus in the background, unless a bus has its database already, and waits until it answers.
 * @throws NotStarted with the reason and the exit code, when there is no bus then.
 */
export async function detach(config: ServerConfig, flags: Environment): Promise<Detached> {
  const machine = installConfig(environment);
  const database = resolve(config.db);
  const stop = stopOf(database, typedCommand(machine));
  const holder = await busOf(database, machine);
  if (holder.kind === "none") {
    const started = await startInBackground({
      ...{ program: ownWords(), flags: wordsOf(flags, config), env: absolute(config) },
      ...{ err: resolve(config.err), folder: machine.data },
    });
    return { ...started, stop, already: false };
  }
  const { pid } = holder;
  if (holder.kind !== "bus")
    throw new NotStarted(
      `The database ${database} is in use by ${pid === undefined ? "a process" : `process ${pid}`} of another user, or in a container. Give this bus another --db.`,
      FAILED,
    );
  let url: string | undefined;
  await within(LISTENS_MS, async () => {
    url = await urlOfProcess(holder.pid, { config: machine, server: config });
    return url !== undefined;
  });
  if (url === undefined)
    throw new NotStarted(
      `Process ${pid} has the database ${database}, and does not listen yet. To stop it: ${stop}`,
      FAILED,
    );
  return {
    url,
    pid: holder.pid,
    database: config.postgres?.shown ?? database,
    log: resolve(config.log),
    stop,
    already: true,
  };
}

/** The lines for a person. */
export function greetingOf({ url, pid, log, stop, already }: Detached): string {
  return [
    `The bus runs ${already ? "already" : "in the background"}: process ${pid} answers at ${url}`,
    `Log:      ${tilde(log)}`,
    `To stop:  ${stop}`,
  ].join("\n");
}

function stopOf(database: string, command: string): string {
  const usual = attempt(() => databasePath(undefined, {}, settingsFile())) ?? "";
  return realOf(usual) === realOf(database) ? `${command} stop` : `${command} stop --db ${quoted(database)}`;
}

function wordsOf(flags: Environment, { db, postgres }: ServerConfig): string[] {
  const isFile = flags.db !== undefined && postgres === null;
  const given = Object.entries({ ...flags, ...(isFile && { db: resolve(db) }) });
  return given.flatMap(([name, value]) => (value === undefined ? [] : [`--${name}=${value}`]));
}

/** The environment with whole paths, because the process runs in another folder. */
function absolute(config: ServerConfig): Environment {
  const db = config.postgres === null ? config.db : undefined;
  const paths = { db, log: config.log, err: config.err, icon: config.icon };
  const set = Object.entries(paths).flatMap(([key, path]) => {
    const { name } = VARIABLES[key as keyof typeof paths];
    return environment[name] && path !== undefined ? [[name, resolve(path)]] : [];
  });
  return { ...environment, ...Object.fromEntries(set) };
}
