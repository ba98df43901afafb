import { createServer } from "node:net";
import { LIMITS } from "../bus/limits.ts";
import { ConfigError, type ServerConfig, version } from "../config.ts";
import type { Operation } from "../operation.ts";
import { listen } from "../runtime/runtime.ts";
import { lockDatabase, openStore, type Store } from "../store/store.ts";
import { createApp } from "./app.ts";
import { createBus } from "./bus.ts";
import { warnOfDeleted } from "./calls.ts";
import { type Lookup, parseNetworks } from "./deliver/address.ts";
import { type Clock, createClock } from "./deliver/clock.ts";
import { createGuard } from "./guard.ts";
import guide from "./guide.md" with { type: "text" };
import type { Log } from "./log.ts";
import { createMcp } from "./mcp.ts";

export interface RunningServer {
  port: number;
  store: Store;
  /** Lets running calls finish (at most 10 s), then folds the log of writes into the database. */
  stop(): Promise<void>;
}

export interface ServerOptions {
  config: ServerConfig;
  operations: readonly Operation[];
  log: Log;
  /** Wall clock, ms. */
  now(): number;
  /** Addresses of a webhook's host; the system's resolver when undefined. */
  lookup?: Lookup | undefined;
  /** What delays of deliveries are measured with; made from `now` when undefined. */
  clock?: Clock | undefined;
}

const FINISH_MS = 10_000;
const DELIVER_MS = 1_000;

/** Opens the database and listens. Throws OpenError, or the runtime's error when the address cannot be had. */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const { config, operations, log, now } = options;
  const allowedNetworks = networksOf(config);
  const clock = options.clock ?? createClock(now, config.webhooks.speed);
  const lock = lockDatabase(config.db);
  try {
    await expectFree(config);
  } catch (error) {
    lock.release();
    throw error;
  }
  const store = openStore(config.db, lock, now, clock.steady);
  let port = config.port;
  try {
    if (store.backup !== null)
      log.info(`the database was brought up to date; a copy of it as it was: ${store.backup}`);
    const { lookup } = options;
    const { bus, pump } = createBus({
      config,
      store,
      log,
      now,
      clock,
      lookup,
      allowedNetworks,
      ownPort: () => port,
    });
    const mcp = await createMcp({
      bus,
      operations,
      guide,
      version,
      calls: {
        log: log.call,
        deleted: warnOfDeleted(log.warn),
        unexpected: (tool, error) => log.error(`unexpected error in ${tool}: ${error}`, error),
      },
    });
    const started = performance.now();
    const app = createApp({
      guard: createGuard(config),
      mcp: (request, local) => mcp.handle(request, local),
      health: () => ({
        status: "ok",
        service: "agent-event-bus",
        version,
        uptime_seconds: Math.floor((performance.now() - started) / 1000),
      }),
      unexpected: (error) => log.error(`unexpected error while answering: ${error}`, error),
    });
    const listening = await listen(app, {
      hostname: config.host,
      port: config.port,
      maxBodyBytes: LIMITS.bodyBytes * 4,
    });
    port = listening.port;
    await pump.start();
    return {
      port,
      store,
      async stop() {
        bus.waiters.end();
        const finished = listening.stop(false);
        const cut = setTimeout(() => listening.stop(true), FINISH_MS);
        await Promise.race([finished, new Promise((resolve) => setTimeout(resolve, FINISH_MS + 100))]);
        clearTimeout(cut);
        await pump.stop(DELIVER_MS);
        await store.close();
        await log.flush();
      },
    };
  } catch (error) {
    await store.close();
    throw error;
  }
}

// The original takes no lock: while its server still runs, only the taken port tells so, and its database must stay.
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
