import { lookup } from "node:dns/promises";
import { machine, version } from "../config/client.ts";
import type { ServerConfig } from "../config/server.ts";
import { Notices } from "../desktop/notices.ts";
import { createDesktop } from "../desktop/notifier.ts";
import { createThrottle } from "../desktop/throttle.ts";
import { type Caller, ORIGINS } from "../domain/caller.ts";
import type { Bus } from "../domain/context.ts";
import { Dialogs } from "../domain/dialogs.ts";
import { BUS_ITSELF } from "../domain/event.ts";
import { Turns } from "../domain/handover_lock.ts";
import { followEvents, pauseWebhook } from "../domain/publish.ts";
import type { Store } from "../domain/store.ts";
import { Storms } from "../domain/storms.ts";
import type { Access } from "../http/access/access.ts";
import { httpDenial } from "../http/access/refusal.ts";
import { exists, rememberedStart } from "../lib/process.ts";
import type { Clock } from "../lib/steady_clock.ts";
import { warnOfDeleted } from "../operations/call_log.ts";
import { Door } from "../operations/invoke.ts";
import type { Operation } from "../operations/operation.ts";
import { Scheduler, type SchedulerOptions } from "../webhooks/scheduler.ts";
import type { Lookup, Network } from "../webhooks/target.ts";
import { createFindRepo } from "./find_repo.ts";
import type { Log } from "./log.ts";
import { OpenSubscriptions } from "./subscriptions.ts";

export interface BusParts {
  config: ServerConfig;
  store: Store;
  log: Log;
  now(): number;
  clock: Clock;
  /** Addresses of a webhook's host. */
  lookup?: Lookup | undefined;
  allowedNetworks: readonly Network[];
  ownPort(): number;
  /** False once the caller's token is revoked or expired. */
  holds(caller: Caller): boolean;
}

const lookupAll: Lookup = async (hostname) =>
  (await lookup(hostname, { all: true })).map(({ address }) => address);

/** The bus that handlers see, with the scheduler of its webhooks and the user's notices (not started yet). */
export function createBus(parts: BusParts): { bus: Bus; scheduler: Scheduler; notices: Notices } {
  const { config, store, log, now, holds } = parts;
  const scheduler = new Scheduler({
    store,
    sender: { busId: store.id, version },
    policy: { lookup: parts.lookup ?? lookupAll, allowed: parts.allowedNetworks, ownPort: parts.ownPort },
    clock: parts.clock,
    timeoutMs: config.webhooks.timeoutMs,
    mostPending: config.webhooks.backlog,
    switchOff: switchOffBy(store, log),
    log,
  });
  const desktop = createThrottle(
    createDesktop({ platform: process.platform, ...config.desktop, icon: config.icon, warn: log.warn }),
  );
  const bus: Bus = {
    store,
    now,
    host: machine(),
    processExists: exists,
    processStart: rememberedStart(() => performance.now()),
    limits: config.limits,
    subscriptions: new OpenSubscriptions({ events: store.events, most: config.limits.waiters, holds }),
    notify: (notification) => desktop.show(notification),
    deliveries: scheduler,
    wake: config.wake,
    notices: config.notices,
    ...memory(),
    repoOf: createFindRepo(),
    warn: log.warn,
  };
  followEvents(bus);
  return { bus, scheduler, notices: new Notices(bus, (group) => desktop.withdraw(group)) };
}

/** The parts of the bus that end with the process. */
function memory() {
  return {
    looked: new Map(),
    atWork: new Map(),
    waking: new Map(),
    wokenBy: new Map(),
    toldPairs: new Map(),
    storms: new Storms(),
    dialogs: new Dialogs(),
    turns: new Turns(),
  };
}

function switchOffBy(store: Store, log: Log): SchedulerOptions["switchOff"] {
  return async ({ webhook_id, url }, reason) => {
    log.warn(`webhook ${webhook_id} is disabled: ${reason}`);
    await pauseWebhook(store, webhook_id, reason, {
      event_type: "webhook_disabled",
      payload: `Webhook ${webhook_id} (${hostOf(url)}) was disabled: ${reason}. Enable it again with: agent-event-bus webhook enable ${webhook_id}`,
      session_id: BUS_ITSELF,
      channel: "all",
      explicit_level: "actionable",
      origin: ORIGINS.bus,
    });
  };
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

// Everyone reads this text, and the rest of a URL may be a secret of its receiver.
function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).host : "no URL";
}
