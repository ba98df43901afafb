import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import {
  ConfigError,
  dataDirectory,
  environment,
  parseSettings,
  type ServerConfig,
  serverConfig,
  VARIABLES,
} from "../config.ts";
import { operations } from "../operations/index.ts";
import { OpenError } from "../store/store.ts";
import { createLog } from "./log.ts";
import { type RunningServer, startServer } from "./server.ts";

const STARTED = 0;
const FAILED = 1;
const WRONG_USAGE = 2;

/** `agent-event-bus serve`: runs the bus until SIGTERM or SIGINT. */
export async function serve(argv: readonly string[]): Promise<void> {
  const config = configOf(argv);
  if (config === null) return;
  process.umask(0o077);
  const log = createLog({
    file: config.log,
    errors: config.err,
    terminal: process.stderr.isTTY ? (line) => void process.stderr.write(line) : undefined,
    now: Date.now,
  });
  process.on("unhandledRejection", (error) => log.error(`unexpected rejection: ${error}`, error));
  try {
    const server = await startServer({ config, operations, log, now: Date.now });
    stopOnSignals(server);
    const url = urlOf(config.host, server.port);
    log.info(`listening on ${url}, database ${config.db}`);
    process.stdout.write(
      `agent-event-bus listens on ${url}\nAdd it to Claude Code:\n  claude mcp add --transport http --scope user agent-event-bus ${url}\n`,
    );
  } catch (error) {
    const reason = reasonOf(error, config);
    log.error(reason, error);
    await log.flush();
    exit(FAILED, reason);
  }
}

function configOf(argv: readonly string[]): ServerConfig | null {
  try {
    const { values } = parseArgs({
      args: [...argv],
      options: {
        host: { type: "string" },
        port: { type: "string" },
        db: { type: "string" },
        help: { type: "boolean", short: "h" },
      },
    });
    if (values.help) {
      process.stdout.write(help());
      return null;
    }
    const { help: _, ...flags } = values;
    return serverConfig(flags, environment, settingsFile());
  } catch (error) {
    if (error instanceof ConfigError || (error as NodeJS.ErrnoException).code?.startsWith("ERR_PARSE_ARGS"))
      return exit(WRONG_USAGE, `${(error as Error).message} See agent-event-bus serve --help.`);
    throw error;
  }
}

function settingsFile(): Record<string, string | undefined> {
  const file = join(dataDirectory, "settings.env");
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch {
    return {};
  }
  return parseSettings(text, file);
}

function help(): string {
  const rows = Object.values(VARIABLES).filter((variable) => "flag" in variable && variable.flag !== "url");
  const flags = rows.map(
    (row) =>
      `  --${"flag" in row ? row.flag : ""} `.padEnd(12) +
      `${row.about} (${row.name}, default ${row.fallback})`,
  );
  return `Run the bus in the foreground.\n\nUsage: agent-event-bus serve [flags]\n\nFlags:\n${flags.join("\n")}\n`;
}

function urlOf(host: string, port: number): string {
  const reachable =
    host === "0.0.0.0" || host === "::" ? "127.0.0.1" : host.includes(":") ? `[${host}]` : host;
  return `http://${reachable}:${port}/mcp`;
}

function reasonOf(error: unknown, config: ServerConfig): string {
  if (error instanceof OpenError) return error.message;
  const code = (error as NodeJS.ErrnoException).code;
  if (code === "EADDRINUSE")
    return `The port ${config.port} on ${config.host} is taken by another program. Stop that one, or choose another --port.`;
  if (code === "EACCES" || code === "EPERM")
    return `Listening on ${config.host}:${config.port} is not permitted. Choose a --port above 1023.`;
  if (code === "EADDRNOTAVAIL" || code === "ENOTFOUND")
    return `${config.host} is not an address of this machine. Choose another --host.`;
  return `The bus could not start: ${error instanceof Error ? error.message : error}`;
}

function stopOnSignals(server: RunningServer): void {
  let stopping = false;
  const stop = () => {
    if (stopping) process.exit(FAILED);
    stopping = true;
    server.stop().then(
      () => process.exit(STARTED),
      (error) => exit(FAILED, `The bus did not stop cleanly: ${error}`),
    );
  };
  process.on("SIGTERM", stop);
  process.on("SIGINT", stop);
}

function exit(code: number, reason: string): never {
  process.stderr.write(`agent-event-bus: ${reason}\n`);
  process.exit(code);
}
