import { afterEach } from "bun:test";
import { addressed } from "../../src/domain/delivery_policy.ts";
import type { Event, EventDraft } from "../../src/domain/event.ts";
import { append } from "../../src/domain/publish.ts";
import type { Session } from "../../src/domain/session.ts";
import type { IndexProgress, RegistrationPlan, Store } from "../../src/domain/store.ts";
import type { Webhook } from "../../src/domain/webhook.ts";

/** An engine under test. */
export interface Engine {
  name: string;
  /** Room for one database that does not exist yet. */
  place(): Place;
}

export interface Place {
  open(clock: Clock): Promise<Store>;
  /** Appends in another process, which is killed meanwhile; resolves with the payloads that were acknowledged. */
  appendUntilKilled(): Promise<string[]>;
  /** Answers dialogs in another process, which is killed meanwhile; resolves with the payloads of the acknowledged answers. */
  answerUntilKilled(): Promise<string[]>;
  /** Fills the index of texts in another process, which is killed meanwhile; resolves with how far it said it was. */
  indexUntilKilled(): Promise<IndexProgress>;
}

export interface Clock {
  now(): number;
  steady(): number;
}

/** Stands until it is moved. */
export class StoppedClock implements Clock {
  at = Date.UTC(2026, 2, 1, 12);
  now = () => this.at;
  steady = () => this.at;
}

const open = new Set<Store>();

/** Closes what a test has opened. Called by each test file: once for the module would serve the first one only. */
export function closeAfterEach(): void {
  afterEach(async () => {
    await Promise.all([...open].map((store) => store.close()));
    open.clear();
  });
}

/** A store that is closed after the test. */
export async function opened(place: Place, clock: Clock = new StoppedClock()): Promise<Store> {
  const store = await place.open(clock);
  open.add(store);
  return store;
}

export async function closed(store: Store): Promise<void> {
  open.delete(store);
  await store.close();
}

export function aDraft(more: Partial<EventDraft> = {}): EventDraft {
  return { event_type: "note", payload: "p", session_id: "sender", channel: "all", origin: "local", ...more };
}

export function publish(store: Store, more: Partial<EventDraft> = {}): Promise<Event> {
  return append(store, aDraft(more));
}

export async function webhook(store: Store, more: Partial<Webhook> = {}): Promise<Webhook> {
  const made = await store.webhooks.register(
    {
      url: "http://x/",
      channel: null,
      event_types: null,
      secret: null,
      ordered: false,
      local: true,
      ...more,
    },
    100,
  );
  if (made === null) throw new Error("too many webhooks");
  return made;
}

export function aSession(more: Partial<Session> = {}): Session {
  const at = "2026-03-01T12:00:00.000Z";
  return {
    ...{
      session_id: "s",
      display_id: "brave-trex",
      name: "api",
      machine: "m",
      machine_id: null,
      cwd: "/",
      repo: "r",
    },
    ...{ client_id: null, registered_at: at, last_heartbeat: at, cursor: null, deleted_at: null },
    ...{
      process: null,
      seen_on: null,
      origin: null,
      state: null,
      lease_until: null,
      branch: null,
      wake: null,
      muted_until: 0,
      title: null,
      worked_at: 0,
      last_words: null,
      state_since: null,
      rung: null,
      rung_until: 0,
      read_until: null,
    },
    ...more,
  };
}

/** Registers a session, or brings the one of its id back. */
export async function join(
  store: Store,
  more: Partial<Session> = {},
  plan: Partial<RegistrationPlan> = {},
): Promise<Session> {
  const active = await store.webhooks.active();
  const registered = await store.register((known) => {
    const session = aSession(more);
    const draft = known.find(session.session_id) === undefined ? addressed(aDraft(), active) : null;
    return { session, wanted: session.name, draft, alias: null, lost: [], inherits: [], ...plan };
  });
  if (registered === null) throw new Error("the webhooks changed");
  return registered.session;
}

export const ids = (events: readonly { id: number }[]) => events.map(({ id }) => id);
