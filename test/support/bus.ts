import { afterAll } from "bun:test";
import { join, resolve } from "node:path";
import type { Subprocess } from "bun";
import { node24 } from "../../build/node24.ts";
import type { Environment } from "../../src/config/parse_settings.ts";
import { serverConfig } from "../../src/config/server.ts";
import type { Clock } from "../../src/lib/steady_clock.ts";
import { hookOperations } from "../../src/operations/hooks/index.ts";
import { operations, personOperations } from "../../src/operations/index.ts";
import type { Operation } from "../../src/operations/operation.ts";
import type { Log } from "../../src/serve/log.ts";
import { type RunningServer, startServer } from "../../src/serve/server.ts";
import type { Lookup } from "../../src/webhooks/target.ts";
import { binary, nodeBundle } from "./binary.ts";
import { settingOf } from "./engine.ts";
import { tempFolder } from "./folder.ts";
import { freePort } from "./port.ts";
import { callTool } from "./rpc.ts";

export const root = resolve(import.meta.dir, "../..");

/** Which program serves: the sources on Bun, the compiled binary, or the bundle on Node 24. */
export type Kind = "source" | "binary" | "node";

export interface TestBus {
  url: string;
  port: number;
  db: string;
  folder: string;
  /** The tool's structured result. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
  call(tool: string, args?: unknown): Promise<any>;
  /** SIGTERM and wait; resolves with the exit code. */
  stop(): Promise<number>;
}

export interface ProcessBus extends TestBus {
  process: Subprocess<"ignore", "pipe", "pipe">;
  /** kill -9 and wait. */
  kill(): Promise<void>;
}

export async function programOf(kind: Kind): Promise<string[]> {
  if (kind === "binary") return [binary];
  if (kind === "node") return [await node24(), nodeBundle];
  return [process.execPath, join(root, "src/main.ts")];
}

export interface BusOptions {
  folder?: string;
  port?: number;
  /** Null: no flag names the database. */
  db?: null;
  args?: string[];
  env?: Record<string, string>;
  /** Words in front of the program, like `ip netns exec NAME`; they must end in an `exec` of it. */
  inside?: readonly string[];
  /** The words of another executable than the one under test. */
  program?: readonly string[] | undefined;
  /** It was started in a hook and serves many tests: the caller ends it. */
  outlives?: true;
}

/** Starts a server process with a HOME of its own and waits until it listens. */
export async function startBus(kind: Kind, options: BusOptions = {}): Promise<ProcessBus> {
  const folder = options.folder ?? tempFolder(options.outlives);
  const db = join(folder, "data.db");
  const child = Bun.spawn(
    [
      ...(options.inside ?? []),
      ...(options.program ?? (await programOf(kind))),
      "serve",
      "--port",
      String(options.port ?? (await freePort())),
      ...(options.db === null ? [] : ["--db", await settingOf(db)]),
      ...(options.args ?? []),
    ],
    {
      cwd: folder,
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
      env: {
        PATH: process.env.PATH ?? "",
        HOME: folder,
        AGENT_EVENT_BUS_LOG: join(folder, "bus.log"),
        AGENT_EVENT_BUS_ERR: join(folder, "bus.err"),
        ...options.env,
      },
    },
  );
  // Here, not once for the module: that would serve the first test file only. Within a test it means the test's end.
  if (!options.outlives) afterAll(() => child.kill("SIGKILL"));
  const url = await listeningUrl(child);
  return {
    url,
    port: Number(new URL(url).port),
    db,
    folder,
    process: child,
    call: async (tool, args) => (await callTool(url, tool, args)).structuredContent,
    async stop() {
      child.kill("SIGTERM");
      return child.exited;
    },
    async kill() {
      child.kill("SIGKILL");
      await child.exited;
    },
  };
}

async function listeningUrl(child: Subprocess<"ignore", "pipe", "pipe">): Promise<string> {
  let output = "";
  for await (const chunk of child.stdout) {
    output += new TextDecoder().decode(chunk);
    const url = /listens on (\S+)/.exec(output)?.[1];
    if (url !== undefined) return url;
  }
  throw new Error(`the bus did not start: ${output}${await new Response(child.stderr).text()}`);
}

const all: readonly Operation[] = [...operations, ...personOperations, ...hookOperations];

export const silent: Log = {
  info() {},
  warn() {},
  error() {},
  failure() {},
  call() {},
  flush: async () => {},
};

export interface HereOptions {
  now?: () => number;
  folder?: string;
  operations?: readonly Operation[];
  log?: Log;
  env?: Environment;
  lookup?: Lookup;
  clock?: Clock;
}

/** Starts a server inside this process, with a clock and operations of the test's choice. */
export async function startHere(options: HereOptions = {}): Promise<TestBus & { server: RunningServer }> {
  const folder = options.folder ?? tempFolder();
  const db = join(folder, "data.db");
  const config = serverConfig({ db: await settingOf(db), port: "0" }, options.env ?? {}, {});
  const server = await startServer({
    config,
    operations: options.operations ?? all,
    log: options.log ?? silent,
    now: options.now ?? Date.now,
    lookup: options.lookup,
    clock: options.clock,
  });
  const url = `http://127.0.0.1:${server.port}/mcp`;
  let stopped: Promise<number> | undefined;
  const stop = () => {
    stopped ??= server.stop().then(() => 0);
    return stopped;
  };
  afterAll(stop);
  return {
    url,
    port: server.port,
    db,
    folder,
    server,
    call: async (tool, args) => (await callTool(url, tool, args)).structuredContent,
    stop,
  };
}
