import { machine, version } from "../config/client.ts";
import { lockPath, type ServerConfig } from "../config/server.ts";
import type { Store, Trouble } from "../domain/store.ts";
import type { Tokens } from "../domain/token.ts";
import { expectClosed } from "../http/access/access.ts";
import { attempt } from "../lib/attempt.ts";
import { type Clock, createClock } from "../lib/steady_clock.ts";
import { takeLock } from "../sqlite/lock.ts";
import { lockDatabase, openStore } from "../sqlite/store.ts";
import { openTokens } from "../tokens/token_files.ts";
import type { Log } from "./log.ts";
import { expectFree } from "./port.ts";

/** The database of a bus, with what belongs to it. */
export interface Database {
  store: Store;
  tokens: Tokens;
  clock: Clock;
  /** Shows this machine's commands which process is the bus of a port. `folder`: the data directory. */
  markProcess(port: number, folder: string | undefined): void;
  close(): Promise<string | null>;
}

export interface OpenOptions {
  config: ServerConfig;
  log: Log;
  /** Wall clock (ms). */
  now(): number;
  clock?: Clock | undefined;
  onTrouble(trouble: Trouble | null): void;
  /** Told when events up to `last` were known here, of which the log has those up to `kept` only. */
  onLoss(last: number, kept: number): void;
}

/**
 * Opens the database of the settings. @throws OpenError when it cannot be used. @throws ConfigError when the settings would
 * let strangers in.
 */
export async function openDatabase(options: OpenOptions): Promise<Database> {
  return options.config.postgres === null ? openFile(options) : openOnServer(options);
}

async function openFile({ config, log, now, onTrouble, ...given }: OpenOptions): Promise<Database> {
  const clock = given.clock ?? createClock(now, config.webhooks.speed);
  const steady = () => performance.now();
  const tokens = openTokens(config.db, now, steady, (file) =>
    log.warn(`${file} is not a token file and is ignored. To see them all: agent-event-bus token list`),
  );
  expectClosed(config, tokens);
  const lock = lockDatabase(config.db);
  try {
    await expectFree(config);
  } catch (error) {
    lock.release();
    throw error;
  }
  const store = openStore(config.db, lock, { now, steady: clock.steady, onTrouble });
  return { store, tokens, clock, markProcess() {}, close: () => store.close() };
}

async function openOnServer({ config, now, onTrouble, onLoss, ...given }: OpenOptions): Promise<Database> {
  await expectFree(config);
  // The package is loaded only here.
  const { openStore: open, clockOf } = await import("../postgres/index.ts");
  const place = config.postgres as NonNullable<ServerConfig["postgres"]>;
  const clock = given.clock ?? createClock(await clockOf(place, now), config.webhooks.speed);
  const told = { onTrouble, onLoss };
  const store = await open(place, { now, steady: clock.steady, ...told, host: machine(), version });
  try {
    expectClosed(config, store.tokens);
  } catch (error) {
    await store.close();
    throw error;
  }
  let lock: ReturnType<typeof takeLock> = null;
  return {
    ...{ store, tokens: store.tokens, clock },
    markProcess(port, folder) {
      store.peers.listensAt(port);
      if (folder !== undefined) lock = attempt(() => takeLock(lockPath(port, folder))) ?? null;
    },
    async close() {
      lock?.release();
      return store.close();
    },
  };
}
