import { parseArgs } from "node:util";
import { dataDirectory, environment, machine, settingsFile, version } from "../config/client.ts";
import { ConfigError, type Environment, localUrl } from "../config/parse_settings.ts";
import { SERVE_FLAGS } from "../config/serve_flags.ts";
import { logFiles, type ServerConfig, serverConfig, shownDatabase } from "../config/server.ts";
import { OpenError } from "../domain/context.ts";
import { attempt } from "../lib/attempt.ts";
import { visible, visibleJson } from "../lib/escape.ts";
import { fullDisk } from "../lib/full_disk.ts";
import { isLoopback } from "../lib/loopback.ts";
import { hookOperations } from "../operations/hooks/index.ts";
import { operations, personOperations } from "../operations/index.ts";
import { otherUserAt } from "../rpc/owner.ts";
import { tell } from "../runtime/stdio.ts";
import { createLog, type Log } from "./log.ts";
import { type RunningServer, startServer } from "./server.ts";

const FAILED = 1;
const WRONG_USAGE = 64;
/** A setting cannot be used, so starting again would not help. */
const UNUSABLE_SETTING = 78;

/** `agent-event-bus serve`: runs the bus until SIGTERM or SIGINT. */
export async function serve(argv: readonly string[]): Promise<void> {
  const json = argv.includes("--json");
  process.umask(0o077);
  // A bus goes on when its terminal or the disk of its output takes nothing more.
  for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {});
  const asked = await configOf(argv, json);
  if (asked === null) return;
  const { config } = asked;
  if (asked.detach) return detached(asked, json);
  const log = logTo(config);
  process.on("unhandledRejection", (error) => log.error(`unexpected rejection: ${error}`, error));
  try {
    const server = await startServer({
      config,
      operations: [...operations, ...personOperations, ...hookOperations],
      log,
      now: Date.now,
      socketFolder: dataDirectory(),
    });
    stopOnSignals(server);
    const url = localUrl(config.host, server.port);
    const database = shownDatabase(config);
    log.info(`listening on ${url}, database ${database}`);
    const document = { url, database, log: config.log };
    say(json ? visibleJson(document) : greeting(config.host, url, server.port));
  } catch (error) {
    const reason = await reasonOf(error, config);
    log.failure(reason, error);
    await log.flush();
    exit(error instanceof ConfigError ? UNUSABLE_SETTING : FAILED, reason, json);
  }
}

async function detached({ config, flags }: Asked, json: boolean): Promise<void> {
  const { detach, greetingOf } = await import("./detach.ts");
  try {
    const found = await detach(config, flags);
    say(json ? visibleJson(found) : greetingOf(found));
  } catch (error) {
    const { message, code } = error as Error & { code?: unknown };
    exit(typeof code === "number" ? code : FAILED, message, json);
  }
}

function logTo({ log, err }: { log: string; err: string }): Log {
  const terminal = process.stderr.isTTY ? (line: string) => void process.stderr.write(line) : undefined;
  return createLog({ file: log, errors: err, terminal, now: Date.now });
}

const OPTIONS = Object.fromEntries(
  SERVE_FLAGS.map(({ name, boolean, short }) => [
    name,
    { type: boolean === true ? ("boolean" as const) : ("string" as const), ...(short && { short }) },
  ]),
);

type Values = Partial<Record<"help" | "version" | "json" | "detach", boolean>> &
  Partial<Record<"host" | "port" | "db", string>>;

interface Asked {
  config: ServerConfig;
  /** The flags of the settings, as typed. */
  flags: Environment;
  detach: boolean;
}

async function configOf(argv: readonly string[], json: boolean): Promise<Asked | null> {
  let settings: Environment = {};
  try {
    const { values } = parseArgs({
      args: [...argv],
      options: OPTIONS,
    });
    const { help, version: versionWanted, json: _, detach = false, ...flags } = values as Values;
    if (help || versionWanted) {
      const told = help ? { help: helpText() } : { version };
      process.exitCode = await tell(`${json ? visibleJson(told) : (told.help ?? version)}\n`);
      return null;
    }
    settings = settingsFile();
    return { config: serverConfig(flags, environment, settings), flags, detach };
  } catch (error) {
    // Service managers hide stderr.
    const files = error instanceof ConfigError && !process.stderr.isTTY ? logsOf(settings) : undefined;
    if (files !== undefined) {
      const log = logTo(files);
      log.failure((error as Error).message);
      await log.flush();
    }
    const problem = error instanceof ConfigError ? error.message : usageProblem(error as Error);
    const code = error instanceof ConfigError ? UNUSABLE_SETTING : WRONG_USAGE;
    return exit(code, `${problem} See agent-event-bus serve --help.`, json);
  }
}

/** Falls back to the default log if the log's own setting cannot be used. Undefined if there is no home folder either. */
function logsOf(settings: Environment): { log: string; err: string } | undefined {
  return attempt(() => logFiles(environment, settings)) ?? attempt(() => logFiles({}, {}));
}

/** Message for an error of `parseArgs`. @throws the error when it is another one. */
function usageProblem(error: Error): string {
  const flag = /'(-[^ ',]+)/.exec(error.message)?.[1];
  switch ((error as NodeJS.ErrnoException).code) {
    case "ERR_PARSE_ARGS_UNKNOWN_OPTION":
      return `serve has no flag ${flag}.`;
    case "ERR_PARSE_ARGS_INVALID_OPTION_VALUE":
      return /does not take/.test(error.message) ? `${flag} takes no value.` : `${flag} needs a value.`;
    case "ERR_PARSE_ARGS_UNEXPECTED_POSITIONAL":
      return "serve takes no further word.";
    default:
      throw error;
  }
}

function helpText(): string {
  return [
    "Run the bus in the foreground, or with --detach in the background.",
    "",
    "Usage: agent-event-bus serve [flags]",
    "",
    "Flags:",
    ...SERVE_FLAGS.map(({ name, about }) => `  ${`--${name}`.padEnd(9)}  ${about}`),
    "",
    "Examples:",
    "  agent-event-bus serve",
    "  agent-event-bus serve --detach",
    "  agent-event-bus serve --port 9090 --db ./data.db",
  ].join("\n");
}

function greeting(host: string, url: string, port: number): string {
  const lines = [
    `agent-event-bus listens on ${url}`,
    "Add it to Claude Code:",
    `  claude mcp add --transport http --scope user agent-event-bus ${url}`,
  ];
  if (!isLoopback(host))
    lines.push(`Other machines need a token, and reach it at http://${machine()}:${port}/mcp`);
  return lines.join("\n");
}

async function reasonOf(error: unknown, config: ServerConfig): Promise<string> {
  if (error instanceof OpenError || error instanceof ConfigError) return error.message;
  const full = fullDisk(error);
  if (full !== null) return full;
  const code = (error as NodeJS.ErrnoException).code;
  if (code === "EADDRINUSE") {
    const user = await otherUserAt(new URL(localUrl(config.host, config.port)));
    return user === undefined
      ? `The port ${config.port} on ${config.host} is taken by another program. Stop that one, or choose another --port.`
      : `The port ${config.port} on ${config.host} is taken by a program of the user ${user}. Choose another --port.`;
  }
  if (code === "EACCES" || code === "EPERM")
    return `Listening on ${config.host}:${config.port} is not permitted. Choose a --port above 1023.`;
  if (code === "EADDRNOTAVAIL" || code === "ENOTFOUND")
    return `${config.host} is not an address of this machine. Choose another --host.`;
  return `The bus could not start: ${error instanceof Error ? error.message : error}`;
}

/** Services are killed when they take longer. */
const STOP_MS = 12_000;

function stopOnSignals(server: RunningServer): void {
  let stopping = false;
  const stop = () => {
    if (stopping) process.exit(FAILED);
    stopping = true;
    setTimeout(() => exit(FAILED, "The bus did not stop in time.", false), STOP_MS);
    server.stop().then(
      () => process.exit(0),
      (error) => exit(FAILED, `The bus did not stop cleanly: ${error}`, false),
    );
  };
  process.on("SIGTERM", stop);
  process.on("SIGINT", stop);
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

function exit(code: number, reason: string, json: boolean): never {
  if (json) say(visibleJson({ error: reason }));
  process.stderr.write(`agent-event-bus: ${visible(reason)}\n`);
  process.exit(code);
}
