import { type Caller, callerKey } from "../../domain/caller.ts";
import type { Json } from "../../lib/json.ts";
import type { Door } from "../../operations/invoke.ts";
import { messageOf } from "../sse.ts";
import type { Changes } from "./changes.ts";

/** The newest events that a new page gets, and the most in one message. */
const FIRST = 300;
const MOST = 500;
/** A view of before the last change is too old. */
const FRESH_MS = 250;
const MOST_KEPT = 4;
/** A page is told of signs of life at most this often. */
const SIGN_MS = 30_000;

/** Events as a message. `text` is empty without events. */
export interface EventsRead {
  text: string;
  cursor: string;
  more: boolean;
}

/** A view in parts, each as a message. `key` is another one if a page should get it. */
export interface ViewRead {
  parts: ReadonlyMap<string, { text: string; key: string }>;
  /** The JSON of each direct message's status, by event. */
  mail: ReadonlyMap<string, string>;
}

interface Kept<T> {
  change: number;
  read: Promise<T>;
}

/** Reads for pages, through the door. Pages of one caller that want the same share one read. */
export class Reads {
  readonly #door: Door;
  readonly #changes: Changes;
  readonly #events = new Map<string, Kept<EventsRead>>();
  readonly #views = new Map<string, Kept<ViewRead>>();

  constructor(door: Door, changes: Changes) {
    this.#door = door;
    this.#changes = changes;
  }

  /** The events after a cursor, or the newest ones. Rejects with a sentence if they cannot be read. */
  events(caller: Caller, cursor: string | undefined): Promise<EventsRead> {
    const read = () => this.#readEvents(caller, cursor);
    return shared(this.#events, `${keyOf(caller)} ${cursor}`, this.#changes.events, read);
  }

  view(caller: Caller): Promise<ViewRead> {
    return shared(this.#views, keyOf(caller), this.#changes.views, () => this.#readView(caller));
  }

  /** True if there are events up to that one, so that a page can go on after it. */
  async reaches(caller: Caller, cursor: string): Promise<boolean> {
    const { next_cursor } = await this.#call(caller, "get_events", { order: "desc", limit: 1 });
    return Number(cursor) <= Number(next_cursor);
  }

  async #readEvents(caller: Caller, cursor: string | undefined): Promise<EventsRead> {
    const which =
      cursor === undefined ? { order: "desc", limit: FIRST } : { order: "asc", limit: MOST, cursor };
    const result = await this.#call(caller, "get_events", { ...which, names: true });
    const { names, has_more, next_cursor } = result;
    const events = cursor === undefined ? (result.events as Json[]).toReversed() : (result.events as Json[]);
    const next = String(next_cursor);
    const text = events.length === 0 ? "" : messageOf("events", JSON.stringify({ events, names }), next);
    return { text, cursor: next, more: cursor !== undefined && has_more === true };
  }

  async #readView(caller: Caller): Promise<ViewRead> {
    const age = Math.min(FRESH_MS, Math.floor(performance.now() - this.#changes.heardAt));
    const { mail, ...parts } = await this.#call(caller, "view", { max_age_ms: age });
    const messages = Object.entries(parts).map(([name, part]) => [name, partOf(name, part)] as const);
    const steps = Object.entries(mail as Json).map(([id, one]) => [id, JSON.stringify(one)] as const);
    return { parts: new Map(messages), mail: new Map(steps) };
  }

  async #call(caller: Caller, name: string, args: Json): Promise<Json> {
    const { signal } = new AbortController();
    const outcome = await this.#door.invoke(name, args, { caller, signal, repeated: true, progress() {} });
    if ("refusal" in outcome) throw new Error(outcome.refusal.reason);
    return outcome.value as Json;
  }
}

/** Callers of different rights share no read. */
function keyOf(caller: Caller): string {
  return JSON.stringify([callerKey(caller), caller.scope, caller.local, caller.page]);
}

/** Reads once for all who ask before the next change. Remembers the latest few. */
function shared<T>(
  kept: Map<string, Kept<T>>,
  key: string,
  change: number,
  read: () => Promise<T>,
): Promise<T> {
  const known = kept.get(key);
  if (known?.change === change) return known.read;
  const fresh = { change, read: read() };
  kept.delete(key);
  kept.set(key, fresh);
  for (const oldest of kept.keys()) {
    if (kept.size <= MOST_KEPT) break;
    kept.delete(oldest);
  }
  fresh.read.catch(() => {
    if (kept.get(key) === fresh) kept.delete(key);
  });
  return fresh.read;
}

function partOf(name: string, part: unknown): { text: string; key: string } {
  const json = JSON.stringify(part);
  return { text: messageOf(name, json), key: name === "sessions" ? calm(part as Json[]) : json };
}

/** The rows without what changes at each sign of life. */
function calm(rows: readonly Json[]): string {
  return JSON.stringify(
    rows.map(({ cursor: _, last_heartbeat, ...row }) => {
      const sign = Math.floor(Date.parse(String(last_heartbeat)) / SIGN_MS);
      return { ...row, sign };
    }),
  );
}
