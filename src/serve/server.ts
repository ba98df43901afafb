import { setTimeout as delay } from "node:timers/promises";
import { olderDatabases } from "../admin/older.ts";
import { dataDirectory, version } from "../config/client.ts";
import { ConfigError } from "../config/parse_settings.ts";
import type { ServerConfig } from "../config/server.ts";
import { mayAnswer } from "../domain/answering.ts";
import type { Bus } from "../domain/context.ts";
import { Counts } from "../domain/counts.ts";
import type { Store } from "../domain/store.ts";
import { type Access, createAccess } from "../http/access/access.ts";
import { callHandler } from "../http/api.ts";
import { createApp } from "../http/app.ts";
import { buttonHandler } from "../http/button.ts";
import { type HealthFacts, healthAnswer } from "../http/health.ts";
import { inboundHandler } from "../http/inbound.ts";
import type { HttpTransport } from "../http/mcp/endpoint.ts";
import guide from "../http/mcp/guide.md" with { type: "text" };
import { createMcp } from "../http/mcp/mcp.ts";
import { metricsHandler } from "../http/metrics.ts";
import { servePage } from "../http/page/serve_page.ts";
import { signIn, signOut } from "../http/page/sign_in.ts";
import { Streams } from "../http/page/stream.ts";
import { READ_NAMES, readHandler } from "../http/read.ts";
import { createRoutes } from "../http/routes.ts";
import { type Kept, keptIn, makePrivate, realOf } from "../lib/permissions.ts";
import type { Clock } from "../lib/steady_clock.ts";
import type { Door } from "../operations/invoke.ts";
import type { Operation } from "../operations/operation.ts";
import { type Listening, listen } from "../runtime/runtime.ts";
import { type Lookup, type Network, parseNetworks } from "../webhooks/target.ts";
import { type Database, openDatabase } from "./database.ts";
import { watchDescriptors, withinFiles } from "./descriptors.ts";
import type { Log } from "./log.ts";
import { reportLoss, reportTrouble } from "./report_trouble.ts";
import { openSocket } from "./socket.ts";
import { createBus, createDoor, type Running } from "./wiring.ts";

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
  /** Measures delays of deliveries. Made from `now`, or from the clock of a database server, if undefined. */
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
  const limits = withinFiles(options.config.limits, log);
  // Two names of one database must find the same lock, which lies beside the file itself.
  const config = { ...options.config, limits, db: realOf(options.config.db) };
  const allowedNetworks = networksOf(config);
  // Looked up first, because opening files changes some of them.
  const kept = keptIn({ db: config.db, logs: [config.log, config.err], folder: dataDirectory() });
  const counts = new Counts();
  const told = { onTrouble: reportTrouble(log, counts), onLoss: reportLoss(log) };
  const database = await openDatabase({ ...options, config, ...told });
  const { store, tokens, clock } = database;
  const steady = () => performance.now();
  const access = createAccess({ config, warn: log.warn, now, steady, tokens, key: () => store.key });
  try {
    return await serveStore({
      ...{ ...options, config, clock, access, database, store },
      ...{ counts, allowedNetworks, kept },
    });
  } catch (error) {
    await database.close();
    throw error;
  }
}

interface Parts extends ServerOptions {
  clock: Clock;
  access: Access;
  database: Database;
  store: Store;
  counts: Counts;
  allowedNetworks: readonly Network[];
  kept: readonly Kept[];
}

async function serveStore(parts: Parts): Promise<RunningServer> {
  const { config, log, access, store, operations } = parts;
  tellOfStart(parts);
  if (config.postgres === null && (await store.events.tip()) === 0)
    for (const { found, command } of olderDatabases(config.db))
      log.warn(`${found}. To take it over, stop the bus, then: ${command}`);
  let port = config.port;
  const { holds, endingTokens } = access;
  const running = createBus({ ...parts, holds, endingTokens, ownPort: () => port });
  const { bus, scheduler, notices, needs, phone } = running;
  bus.muted.until = await store.mail.mutedUntil();
  await notices.start();
  phone?.start();
  needs.start();
  const unexpected = unexpectedTo(log);
  const door = createDoor({ bus, operations, access, log, unexpected });
  const streams = new Streams({
    ...{ ...access, ...config, door, store, unexpected },
    hello: () => helloOf(bus),
    refusalOf: async (caller) => (await mayAnswer(bus, caller))?.reason ?? null,
  });
  const mcp = mcpOf(parts, door);
  const app = createApp({
    ...access,
    routes: routesOf(parts, bus, { streams, mcp, door }),
    unexpected: (error) => log.error(`unexpected error while answering: ${error}`, error),
  });
  const opened = await listen(app, {
    hostname: config.host,
    port: config.port,
    // The runtime cuts larger bodies. Smaller ones get an answer that names the limit.
    maxBodyBytes: config.limits.body_bytes * 4,
  });
  const listening = watchDescriptors(opened, log);
  port = listening.port;
  parts.database.markProcess(port, parts.socketFolder);
  await openSocket(listening, config.host, parts.socketFolder, log);
  await scheduler.start();
  return { port, store, stop: () => stop(parts, { ...running, streams: [streams, mcp] }, listening) };
}

function mcpOf({ config, operations, log, access, store }: Parts, door: Door): HttpTransport {
  const isListed = ({ tool, listed }: Operation) =>
    tool !== false && (listed === undefined || (listed === "all" && config.tools === "all"));
  const listed = operations.filter(isListed);
  const { limits } = config;
  const { peers } = store;
  const unexpected = unexpectedTo(log);
  return createMcp({ ...access, limits, listed, store, peers, door, unexpected, guide, version });
}

interface Answering {
  streams: Streams;
  mcp: HttpTransport;
  door: Door;
}

function routesOf({ config, access, store, now }: Parts, bus: Bus, { streams, mcp, door }: Answering) {
  const { limits } = config;
  const { shares, refused } = access;
  const started = performance.now();
  const api = { limits, shares, refused, door };
  return createRoutes({
    mcp: (request, caller) => mcp.handle(request, caller),
    page: servePage,
    signIn: signIn({ ...api, ...access, codes: bus.pageCodes, now }),
    signOut,
    call: callHandler(api),
    reads: Object.fromEntries(READ_NAMES.map((name) => [name, readHandler(name, api)])),
    metrics: metricsHandler({ bus, version, uptimeMs: () => performance.now() - started }),
    stream: (request, caller) => streams.handle(request, caller),
    button: buttonHandler({ needs: store.needs, door, now, refused }),
    inbound: {
      handle: inboundHandler({ ...api, inbound: bus.inbound }),
      isPublic: config.inbound === "public",
    },
    health: (_, caller) => healthAnswer(healthOf(store, started), caller),
  });
}

function unexpectedTo(log: Log): (where: string, error: unknown) => void {
  return (where, error) => log.error(`unexpected error in ${where}: ${error}`, error);
}

function helloOf({ host, now }: Bus): Record<string, string> {
  return { version, machine: host, now: new Date(now()).toISOString() };
}

function healthOf(store: Store, started: number): HealthFacts {
  const uptimeMs = performance.now() - started;
  return { trouble: store.trouble(), uptimeMs, progress: store.search.progress() };
}

async function stop(
  { database, store, log }: Parts,
  { bus, scheduler, notices, needs, phone, streams }: Running & { streams: readonly Pick<Streams, "end">[] },
  listening: Listening,
): Promise<void> {
  notices.stop();
  needs.stop();
  phone?.stop();
  bus.subscriptions.end();
  for (const one of streams) one.end();
  // A call that waits for a lock is answered before its connection ends.
  store.limitPatience(FINISH_MS / 2);
  const finished = listening.stop(false);
  const cut = setTimeout(() => listening.stop(true), FINISH_MS);
  await within(FINISH_MS + 100, finished);
  clearTimeout(cut);
  await within(PART_MS, scheduler.stop(DELIVER_MS));
  const told = await within(PART_MS, database.close());
  if (told) log.warn(told);
  await within(PART_MS / 2, log.flush());
}

/** Resolves with `promise`, or with undefined after `ms`. */
function within<T>(ms: number, promise: Promise<T>): Promise<T | undefined> {
  return Promise.race([promise, delay(ms, undefined, { ref: false })]);
}

function tellOfStart({ access, store, log, kept }: Parts): void {
  if (store.backup !== null)
    log.info(`the database was brought up to date. A copy of the former one: ${store.backup}`);
  const { changed, left } = makePrivate(kept);
  for (const { path, found, mode } of changed)
    log.warn(
      `others could use ${path} (mode ${found.toString(8)}); it has mode ${mode.toString(8)} from here on`,
    );
  for (const { path, found } of left)
    log.warn(
      `others can use ${path} (mode ${found.toString(8)}). The file was left as it is, because it is a link or another user's. agent-event-bus check explains the repair`,
    );
  access.warn();
}

function networksOf(config: ServerConfig): ReturnType<typeof parseNetworks> {
  try {
    return parseNetworks(config.webhooks.allowedNetworks);
  } catch (error) {
    throw new ConfigError(`AGENT_EVENT_BUS_WEBHOOK_ALLOW_CIDRS: ${(error as Error).message}`);
  }
}
