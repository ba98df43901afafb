import { lookup } from "node:dns/promises";
import type { BlockList } from "node:net";
import { machine, version } from "../config/client.ts";
import type { ServerConfig } from "../config/server.ts";
import { createDesktop } from "../desktop/notifier.ts";
import { createPace } from "../desktop/throttle.ts";
import { ORIGINS } from "../domain/caller.ts";
import type { Bus } from "../domain/context.ts";
import { Turns } from "../domain/handover_lock.ts";
import { followEvents, pauseWebhook } from "../domain/publish.ts";
import type { Store } from "../domain/store.ts";
import type { Access } from "../http/access/access.ts";
import { httpDenial } from "../http/access/denial.ts";
import { exists, rememberedStart } from "../lib/process.ts";
import type { Clock } from "../lib/steady_clock.ts";
import { warnOfDeleted } from "../operations/call_log.ts";
import { Door } from "../operations/invoke.ts";
import type { Operation } from "../operations/operation.ts";
import { Pump } from "../webhooks/scheduler.ts";
import type { Lookup } from "../webhooks/target.ts";
import { createFindRepo } from "./find_repo.ts";
import type { Log } from "./log.ts";
import { createWaiters } from "./subscriptions.ts";

export interface BusParts {
  config: ServerConfig;
  store: Store;
  log: Log;
  now(): number;
  clock: Clock;
  /** Addresses of a webhook's host. */
  lookup?: Lookup | undefined;
  allowedNetworks: BlockList;
  ownPort(): number;
}

const lookupAll: Lookup = async (hostname) =>
  (await lookup(hostname, { all: true })).map(({ address }) => address);

/** The bus that handlers see, with the pump that sends its webhooks (not started yet). */
export function createBus(parts: BusParts): { bus: Bus; pump: Pump } {
  const { config, store, log, now } = parts;
  const pump = new Pump({
    store,
    sender: { busId: store.id, version },
    policy: { lookup: parts.lookup ?? lookupAll, allowed: parts.allowedNetworks, ownPort: parts.ownPort },
    clock: parts.clock,
    timeoutMs: config.webhooks.timeoutMs,
    mostPending: config.webhooks.backlog,
    async switchOff(webhook, reason) {
      log.warn(`webhook ${webhook.webhook_id} is disabled: ${reason}`);
      await pauseWebhook(store, webhook.webhook_id, reason, {
        event_type: "webhook_disabled",
        payload: `Webhook ${webhook.webhook_id} (${hostOf(webhook.url)}) was disabled: ${reason}. Enable it again with: agent-event-bus webhook enable ${webhook.webhook_id}`,
        session_id: "agent-event-bus",
        channel: "all",
        explicit_level: "actionable",
        origin: ORIGINS.bus,
      });
    },
    log,
  });
  const host = machine();
  const bus: Bus = {
    store,
    now,
    host,
    processExists: exists,
    processStart: rememberedStart(() => performance.now()),
    limits: config.limits,
    waiters: createWaiters(config.limits.waiters),
    notify: createPace(
      createDesktop({ platform: process.platform, ...config.desktop, icon: config.icon, warn: log.warn }),
    ),
    deliveries: pump,
    looked: new Map(),
    atWork: new Map(),
    turns: new Turns(),
    repoOf: createFindRepo(),
    warn: log.warn,
  };
  followEvents(bus);
  return { bus, pump };
}

export interface DoorParts {
  bus: Bus;
  operations: readonly Operation[];
  access: Access;
  log: Log;
  unexpected(where: string, error: unknown): void;
}

/** The door that every protocol calls. */
export function createDoor({ bus, operations, access, log, unexpected }: DoorParts): Door {
  return new Door({
    bus,
    operations,
    calls: access.shares.calls,
    holds: access.holds,
    steady: () => performance.now(),
    log: {
      call: log.call,
      denied: ({ origin }, denial) => access.refused(origin, httpDenial(denial)),
      deleted: warnOfDeleted(log.warn),
      unexpected,
    },
  });
}

// The rest of a URL may be a secret of its receiver, and this text goes to everyone.
function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).host : "no URL";
}
