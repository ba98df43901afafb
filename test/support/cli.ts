import { afterAll } from "bun:test";
import { chmodSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type BusOptions, type Kind, type ProcessBus, programOf, startBus } from "./bus.ts";
import { tempFolder } from "./folder.ts";
import { outputOf } from "./process.ts";

export interface CliResult {
  stdout: string;
  stderr: string;
  code: number;
  /** The one JSON document that stdout is; throws when it is anything else. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
  json(): any;
}

export interface CliOptions {
  /** Given by AGENT_EVENT_BUS_URL. */
  bus?: { url: string };
  env?: Record<string, string>;
  cwd?: string;
  stdin?: string | Uint8Array;
  kind?: Kind;
  /** The words of another executable than the one under test. */
  program?: readonly string[];
  /** Words in front of the program, like `ip netns exec NAME`. */
  inside?: readonly string[];
  /** Under the name of the original's CLI. */
  original?: boolean;
  /** Width of the terminal. */
  columns?: number;
}

const empty = join(tmpdir(), `aeb-test-home-${crypto.randomUUID()}`);

/** A HOME that no command writes to. */
function home(): string {
  mkdirSync(empty, { recursive: true });
  afterAll(() => rmSync(empty, { recursive: true, force: true }));
  return empty;
}

function environmentOf({ bus, env }: CliOptions): Record<string, string> {
  return {
    PATH: process.env.PATH ?? "",
    HOME: home(),
    ...(bus && { AGENT_EVENT_BUS_URL: bus.url }),
    ...env,
  };
}

/** Runs the program with a clean environment, a HOME of its own, and no terminal. */
export async function cli(args: readonly string[], options: CliOptions = {}): Promise<CliResult> {
  const kind = options.kind ?? "binary";
  const program =
    options.program ?? (options.original ? await originalName(home(), kind) : await programOf(kind));
  const child = Bun.spawn([...(options.inside ?? []), ...program, ...args], {
    cwd: options.cwd ?? home(),
    env: environmentOf(options),
    stdin: options.stdin === undefined ? "ignore" : new Blob([options.stdin as string]),
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return { stdout, stderr, code, json: () => oneDocument(stdout) };
}

/** The same on a terminal, of 120 columns unless the options say otherwise; returns all that it shows. */
export async function cliOnTerminal(args: readonly string[], options: CliOptions = {}): Promise<string> {
  const { child, shown } = await startOnTerminal(args, options);
  await child.exited;
  child.terminal?.close();
  return shown();
}

/** Starts the program on such a terminal; `shown` is what it has shown so far. */
export async function startOnTerminal(args: readonly string[], options: CliOptions = {}) {
  let shown = "";
  const decoder = new TextDecoder();
  const child = Bun.spawn([...(await programOf(options.kind ?? "binary")), ...args], {
    cwd: options.cwd ?? home(),
    env: { TERM: "xterm-256color", ...environmentOf(options) },
    terminal: {
      cols: options.columns ?? 120,
      rows: 24,
      data(_terminal, chunk) {
        shown += decoder.decode(chunk, { stream: true });
      },
    },
  });
  afterAll(() => child.kill("SIGKILL"));
  return { child, shown: () => shown };
}

/** Runs a bash script in an empty HOME, or the one given, where both names of the program are on the PATH, as links to it. */
export async function bash(
  script: string,
  options: CliOptions & { home?: string } = {},
): Promise<CliResult & { home: string }> {
  const folder = options.home ?? tempFolder();
  const bin = join(folder, "bin");
  mkdirSync(bin, { recursive: true });
  const kind = options.kind ?? "binary";
  const quoted = (words: readonly string[]) => words.map((word) => `'${word}'`).join(" ");
  executable(join(bin, "agent-event-bus"), `exec ${quoted(await programOf(kind))} "$@"`);
  const original = await originalName(tempFolder(), kind);
  executable(join(bin, "agent-event-bus-cli"), `exec ${quoted(original)} "$@"`);
  const env = { ...environmentOf(options), PATH: `${bin}:${process.env.PATH}`, HOME: folder };
  const { stdout, stderr, code } = await outputOf(["bash", "-c", script], { cwd: folder, env });
  return { stdout, stderr, code, json: () => oneDocument(stdout), home: folder };
}

/** The words that run the program as `agent-event-bus-cli`: through a link of that name in the folder, as installed. */
export async function originalName(folder: string, kind: Kind): Promise<string[]> {
  const [program = "", ...rest] = await programOf(kind);
  const link = join(folder, `agent-event-bus-cli`);
  if (kind === "source") return ["bash", "-c", `exec -a agent-event-bus-cli "$@"`, "bash", program, ...rest];
  Bun.spawnSync(["ln", "-sf", kind === "node" ? (rest[0] ?? "") : program, link]);
  return kind === "node" ? [program, link] : [link];
}

export interface BusWithDesktop extends ProcessBus {
  /** The file that records the arguments of the program that shows notifications, one a line. */
  shown: string;
  /** The same for the program that closes them. */
  closed: string;
}

/** A bus whose desktop notifications go to programs that record their arguments. */
export async function startBusWithDesktop(
  kind: Kind = "binary",
  options: BusOptions = {},
): Promise<BusWithDesktop> {
  const folder = tempFolder();
  const [shown, closed] = [join(folder, "shown"), join(folder, "closed")];
  // The process id serves as the id of the notification.
  for (const name of ["notify-send", "terminal-notifier"])
    executable(join(folder, name), `printf '%s\\n' "$@" >> '${shown}'\necho $$`);
  executable(join(folder, "dbus-send"), `printf '%s\\n' "$@" >> '${closed}'`);
  const env = { PATH: `${folder}:${process.env.PATH}`, DISPLAY: ":9", ...options.env };
  const bus = await startBus(kind, { ...options, env });
  return Object.assign(bus, { shown, closed });
}

function executable(file: string, command: string): void {
  writeFileSync(file, `#!/bin/sh\n${command}\n`);
  chmodSync(file, 0o755);
}

function oneDocument(stdout: string): unknown {
  if (!/^[^\n]+\n$/.test(stdout)) throw new Error(`not one line: ${JSON.stringify(stdout)}`);
  return JSON.parse(stdout);
}
