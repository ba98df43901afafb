import { lookup } from "node:dns/promises";
import { machine, version } from "../config/client.ts";
import { machineId } from "../config/machine_id.ts";
import type { ServerConfig } from "../config/server.ts";
import { needNotices } from "../desktop/need_notices.ts";
import { Notices } from "../desktop/notices.ts";
import { createDesktop, type Desktop } from "../desktop/notifier.ts";
import { createThrottle } from "../desktop/throttle.ts";
import { type Caller, ORIGINS } from "../domain/caller.ts";
import type { Bus } from "../domain/context.ts";
import { Counts } from "../domain/counts.ts";
import { Dialogs, dialogWait } from "../domain/dialogs.ts";
import { BUS_ITSELF } from "../domain/event.ts";
import { Turns } from "../domain/handover_lock.ts";
import { type NeedView, NeedWatch } from "../domain/need_watch.ts";
import { PageCodes } from "../domain/page_codes.ts";
import type { Word } from "../domain/peers.ts";
import { followEvents, pauseWebhook } from "../domain/publish.ts";
import type { Store } from "../domain/store.ts";
import { Storms } from "../domain/storms.ts";
import type { EndingToken } from "../domain/token.ts";
import type { Access } from "../http/access/access.ts";
import { httpDenial } from "../http/access/refusal.ts";
import { Receiver } from "../inbound/receiver.ts";
import { exists, pidNamespace, rememberedStart } from "../lib/process.ts";
import type { Clock } from "../lib/steady_clock.ts";
import { warnOfDeleted } from "../operations/call_log.ts";
import { Door } from "../operations/invoke.ts";
import type { Operation } from "../operations/operation.ts";
import { Phone } from "../push/phone.ts";
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
  /** Counts that began with the store. New ones if undefined. */
  counts?: Counts;
  /** The data directory, which has the machine's id. No id if undefined. */
  socketFolder?: string | undefined;
  endingTokens(): readonly EndingToken[];
}

const lookupAll: Lookup = async (hostname) =>
  (await lookup(hostname, { all: true })).map(({ address }) => address);

/** The bus that handlers see, and what works beside them (not started yet). */
export interface Running {
  bus: Bus;
  scheduler: Scheduler;
  notices: Notices;
  needs: NeedWatch;
  /** Null if nothing is pushed. */
  phone: Phone | null;
}

export function createBus(parts: BusParts): Running {
  const { config, store, log, now, holds, counts = new Counts() } = parts;
  const scheduler = schedulerOf(parts, counts);
  const desktop = createThrottle(
    createDesktop({ platform: process.platform, ...config.desktop, icon: config.icon, warn: log.warn }),
  );
  const { events, peers } = store;
  const subscriptions = new OpenSubscriptions({ events, most: config.limits.waiters, holds, peers });
  const bus: Bus = {
    store,
    now,
    ...ofThisMachine(parts),
    ...{ deliveries: scheduler, inbound: new Receiver({ store, limits: config.limits, now }) },
    // The system may change the name at any time.
    get host() {
      return machine();
    },
    limits: config.limits,
    subscriptions,
    notify: async (notification) => bus.muted.until > now() || desktop.show(notification),
    wake: config.wake,
    notices: config.notices,
    counts,
    endingTokens: parts.endingTokens,
    ...memory(store),
    repoOf: createFindRepo(),
    warn: log.warn,
  };
  followEvents(bus);
  peers.listen((word) => heed(bus, subscriptions, word));
  store.listen((event, webhookIds) => counts.stored(event, webhookIds));
  return { bus, scheduler, ...tellersOf(bus, desktop, parts) };
}

function schedulerOf(parts: BusParts, counts: Counts): Scheduler {
  const { config, store, log, clock } = parts;
  return new Scheduler({
    ...{ store, clock, log },
    sender: { busId: store.id, version },
    policy: { lookup: parts.lookup ?? lookupAll, allowed: parts.allowedNetworks, ownPort: parts.ownPort },
    timeoutMs: config.webhooks.timeoutMs,
    mostPending: config.webhooks.backlog,
    switchOff: switchOffBy(store, log),
    settled: (state) => counts.attempts[state]++,
  });
}

/** Does what another bus says of a session, for what this one has of it. */
function heed({ dialogs, turns, muted, atWork }: Bus, here: OpenSubscriptions, { does, key }: Word): void {
  if (does === "dismiss") here.dismissHere(key);
  if (does === "refresh") here.refreshHere(key);
  if (does === "end_dialogs" && dialogs.endHere(key)) here.refreshHere(dialogWait(key));
  if (does === "end_turn") turns.endHere(key);
  if (does === "work") {
    atWork.set(key, performance.now());
    here.dismissHere(key);
  }
  if (does === "mute") muted.until = Number(key);
}

/** The parts that tell the user of events and needs. */
function tellersOf(bus: Bus, desktop: Desktop, { config, log }: BusParts) {
  const withdraw = (group: string) => desktop.withdraw(group);
  const { push } = config;
  const phone = push.topics.length === 0 ? null : new Phone(bus, { push, log });
  const views: NeedView[] = config.notices === "off" ? [] : [needNotices(bus, withdraw)];
  if (phone !== null) views.push(phone);
  return { notices: new Notices(bus, withdraw), needs: new NeedWatch(bus, views), phone };
}

function ofThisMachine({ socketFolder }: BusParts) {
  return {
    processExists: exists,
    processStart: rememberedStart(() => performance.now()),
    machineId: socketFolder === undefined ? undefined : machineId(socketFolder, true),
    pidNamespace: pidNamespace(),
  };
}

/** The parts of the bus that end with the process. */
function memory({ key, peers }: Store) {
  return {
    looked: new Map(),
    atWork: new Map(),
    toldPairs: new Map(),
    attempts: new Map(),
    muted: { until: 0 },
    storms: new Storms(),
    dialogs: new Dialogs(peers),
    pageCodes: new PageCodes(key, peers),
    turns: new Turns(peers),
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
