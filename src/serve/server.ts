import { createServer } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { olderDatabases } from "../admin/older.ts";
import { ConfigError, dataDirectory, version } from "../config/client.ts";
import type { ServerConfig } from "../config/server.ts";
import type { Store, Trouble } from "../domain/store.ts";
import { type Access, createAccess } from "../http/access/access.ts";
import { createApp } from "../http/app.ts";
import { healthAnswer } from "../http/health.ts";
import guide from "../http/mcp/guide.md" with { type: "text" };
import { createMcp } from "../http/mcp/sdk_server.ts";
import { createRoutes } from "../http/routes.ts";
import { type Kept, keptIn, makePrivate, realOf } from "../lib/permissions.ts";
import { type Clock, createClock } from "../lib/steady_clock.ts";
import type { Operation } from "../operations/operation.ts";
import { type Listening, listen } from "../runtime/runtime.ts";
import { lockDatabase, openStore } from "../sqlite/store.ts";
import { type Lookup, type Network, parseNetworks } from "../webhooks/target.ts";
import type { Log } from "./log.ts";
import { openSocket } from "./socket.ts";
import { createBus, createDoor } from "./wiring.ts";

export interface RunningServer {
  port: number;
  store: Store;
  /** Lets running calls finish (at most 8 s), then folds the write-ahead log into the database. Resolves within 12 s. */
  stop(): Promise<void>;
}

export interface ServerOptions {
  config: ServerConfig;
  operations: readonly Operation[];
  log: Log;
  /** Wall clock (ms). */
  now(): number;
  /** Folder of the Unix socket that commands and hooks of this user prefer. No socket if undefined. */
  socketFolder?: string | undefined;
  /** Resolves a webhook's host. The system's resolver if undefined. */
  lookup?: Lookup | undefined;
  /** Measures delays of deliveries. Made from `now` if undefined. */
  clock?: Clock | undefined;
}

const FINISH_MS = 8_000;
const DELIVER_MS = 500;
/** Limit for each other part of a stop (ms), because a disk may never answer. */
const PART_MS = 1_500;

/**
 * Opens the database and listens. @throws OpenError when the database cannot be opened. @throws ConfigError when the settings
 * would let strangers in. @throws the runtime's error when the address cannot be used.
 */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const { log, now } = options;
  // Two names of one database must find the same lock, which lies beside the file itself.
  const config = { ...options.config, db: realOf(options.config.db) };
  const allowedNetworks = networksOf(config);
  const clock = options.clock ?? createClock(now, config.webhooks.speed);
  const access = createAccess({ config, warn: log.warn, now, steady: () => performance.now() });
  // Looked up first, because opening files changes some of them.
  const kept = keptIn({ db: config.db, logs: [config.log, config.err], folder: dataDirectory() });
  const lock = lockDatabase(config.db);
  try {
    await expectFree(config);
  } catch (error) {
    lock.release();
    throw error;
  }
  const store = openStore(config.db, lock, { now, steady: clock.steady, onTrouble: reportTrouble(log) });
  try {
    return await serveStore({ ...options, config, clock, access, store, allowedNetworks, kept });
  } catch (error) {
    await store.close();
    throw error;
  }
}

interface Parts extends ServerOptions {
  clock: Clock;
  access: Access;
  store: Store;
  allowedNetworks: readonly Network[];
  kept: readonly Kept[];
}

async function serveStore(parts: Parts): Promise<RunningServer> {
  const { config, operations, log, access, store } = parts;
  tellOfStart(parts);
  if ((await store.events.tip()) === 0)
    for (const { found, command } of olderDatabases(config.db))
      log.warn(`${found}. To take it over, stop the bus, then: ${command}`);
  let port = config.port;
  const running = createBus({ ...parts, holds: access.holds, ownPort: () => port });
  const { bus, scheduler, notices } = running;
  await notices.start();
  const unexpected = (where: string, error: unknown) =>
    log.error(`unexpected error in ${where}: ${error}`, error);
  const { limits } = config;
  const { shares, refused } = access;
  const door = createDoor({ bus, operations, access, log, unexpected });
  const listed = operations.filter(
    (one) => one.listed === undefined || (one.listed === "all" && config.tools === "all"),
  );
  const mcp = await createMcp({ limits, listed, door, shares, refused, unexpected, guide, version });
  const started = performance.now();
  const routes = createRoutes({
    mcp: (request, caller) => mcp.handle(request, caller),
    health: () => healthAnswer(store.trouble(), performance.now() - started),
  });
  const app = createApp({
    ...access,
    routes,
    unexpected: (error) => log.error(`unexpected error while answering: ${error}`, error),
  });
  const listening = await listen(app, {
    hostname: config.host,
    port: config.port,
    // The runtime cuts larger bodies. Smaller ones get an answer that names the limit.
    maxBodyBytes: config.limits.body_bytes * 4,
  });
  port = listening.port;
  await openSocket(listening, config.host, parts.socketFolder, log);
  await scheduler.start();
  return { port, store, stop: () => stop(parts, running, listening) };
}

async function stop(
  { store, log }: Parts,
  { bus, scheduler, notices }: ReturnType<typeof createBus>,
  listening: Listening,
): Promise<void> {
  notices.stop();
  bus.subscriptions.end();
  // A call that waits for a lock is answered before its connection ends.
  store.limitPatience(FINISH_MS / 2);
  const finished = listening.stop(false);
  const cut = setTimeout(() => listening.stop(true), FINISH_MS);
  await within(FINISH_MS + 100, finished);
  clearTimeout(cut);
  await within(PART_MS, scheduler.stop(DELIVER_MS));
  const told = await within(PART_MS, store.close());
  if (told) log.warn(told);
  await within(PART_MS / 2, log.flush());
}

/** Logs when the database stops taking writes and when it takes them again. */
function reportTrouble(log: Log): (trouble: Trouble | null) => void {
  let began = 0;
  return (trouble) => {
    if (trouble === null) {
      const seconds = Math.round((performance.now() - began) / 1000);
      return log.info(`the database takes writes again, after ${seconds} s`);
    }
    began = performance.now();
    log.error(`the database takes no writes (${trouble.problem}), reads go on: ${trouble.detail}`);
  };
}

/** Resolves with `promise`, or with undefined after `ms`. */
function within<T>(ms: number, promise: Promise<T>): Promise<T | undefined> {
  return Promise.race([promise, delay(ms, undefined, { ref: false })]);
}

function tellOfStart({ access, store, log, kept }: Parts): void {
  if (store.backup !== null)
    log.info(`the database was brought up to date; a copy of it as it was: ${store.backup}`);
  const { changed, left } = makePrivate(kept);
  for (const { path, found, mode } of changed)
    log.warn(
      `others could use ${path} (mode ${found.toString(8)}); it has mode ${mode.toString(8)} from here on`,
    );
  for (const { path, found } of left)
    log.warn(
      `others can use ${path} (mode ${found.toString(8)}); it is a link or another user's, so it was left as it is. agent-event-bus check says what to do`,
    );
  access.warn();
}

// The Python original takes no lock. Only the taken port shows that it runs and that its database must not be touched.
function expectFree({ host, port }: ServerConfig): Promise<void> {
  const probe = createServer();
  return new Promise((resolve, reject) => {
    probe.once("error", reject);
    probe.listen({ host, port, exclusive: true }, () => probe.close(() => resolve()));
  });
}

function networksOf(config: ServerConfig): ReturnType<typeof parseNetworks> {
  try {
    return parseNetworks(config.webhooks.allowedNetworks);
  } catch (error) {
    throw new ConfigError(`AGENT_EVENT_BUS_WEBHOOK_ALLOW_CIDRS: ${(error as Error).message}`);
  }
}
