// What goes on at the buses of a ring while they are killed, and what each client was told.
import type { Ring } from "./bus_ring.ts";
import { sleeper } from "./client.ts";

/** Channels that a webhook of the test wants. */
export const HOOKED = ["hooked", "line"] as const;
/** What a client waits after a failed call, so that a dead bus is not asked without end (ms). */
const AFTER_FAILURE_MS = 50;
/** Between two hooks or reads of one client (ms). */
const BETWEEN_MS = 100;

export interface Load {
  ring: Ring;
  size: number;
  isOver(): boolean;
}

/** Repeats a step, at one bus after another, until the load is over. A step that fails was cut off. */
async function again(
  { size, isOver }: Load,
  first: number,
  step: (index: number) => Promise<unknown>,
  betweenMs = BETWEEN_MS,
): Promise<void> {
  for (let index = first; !isOver(); index++) {
    const at = index % size;
    try {
      await step(at);
      await Bun.sleep(Math.random() * betweenMs);
    } catch {
      await Bun.sleep(AFTER_FAILURE_MS);
    }
  }
}

/** Publishes, and knows what was acknowledged. */
export class Publisher {
  /** Payload by event id. */
  readonly acknowledged = new Map<number, string>();
  /** Direct messages among them, with their recipients. */
  readonly direct: { id: number; to: string }[] = [];
  /** Acknowledged by each bus. */
  readonly of: number[] = [];
  readonly #name: string;
  #count = 0;

  constructor(name: string) {
    this.#name = name;
  }

  async run(load: Load, first: number, recipients: readonly Recipient[]): Promise<void> {
    const step = async (index: number) => {
      const number = this.#count++;
      const payload = `${this.#name}-${number}`;
      const to = number % 3 === 0 ? recipients[number % recipients.length]?.id : undefined;
      const channel = to !== undefined ? `session:${to}` : ([...HOOKED, "all"][number % 4] ?? "all");
      const message = { event_type: "t", payload, channel, session_id: this.#name };
      const { event_id } = await load.ring.at(index).call("publish_event", message);
      this.acknowledged.set(event_id, payload);
      this.of[index] = (this.of[index] ?? 0) + 1;
      if (to !== undefined) this.direct.push({ id: event_id, to });
    };
    await again(load, first, step, 20);
  }
}

/** Reads on from its saved cursor, and saves it. */
export class Reader {
  readonly seen: number[] = [];
  /** Its cursor, as far as that was acknowledged. */
  saved = 0;
  /** Where its cursor was at first. */
  from = 0;
  /** Number of reads that began before that. */
  backwards = 0;
  readonly #name: string;
  id = "";

  constructor(name: string) {
    this.#name = name;
  }

  async register({ ring }: Load): Promise<void> {
    const own = { name: this.#name, client_id: this.#name, machine: "m" };
    const { session_id, cursor } = await ring.at(0).call("register_session", own);
    [this.id, this.from] = [session_id, Number(cursor)];
  }

  async run(load: Load, first: number): Promise<void> {
    await again(load, first, (index) => this.read(load, index));
  }

  async read({ ring }: Pick<Load, "ring">, index: number): Promise<void> {
    const bus = ring.at(index);
    const query = { session_id: this.id, resume: true, peek: true, order: "asc", limit: 100 };
    const { events } = await bus.call("get_events", query);
    if (events.length === 0) return;
    if (events[0].id <= this.saved) this.backwards++;
    for (const { id } of events) if (id > (this.seen.at(-1) ?? 0)) this.seen.push(id);
    const cursor = Number(events.at(-1).id);
    await bus.call("ack_events", { session_id: this.id, cursor: String(cursor) });
    this.saved = cursor;
  }
}

/** A session whose hooks ask at every bus, several at a time as with parallel tool calls. */
export class Recipient {
  /** How often a message was shown, without and with the mark that it may be a repeat. */
  readonly shown = new Map<number, { plain: number; marked: number }>();
  readonly #client: { client_id: string; pid: number };
  id = "";

  constructor(name: string) {
    this.#client = { client_id: name, pid: sleeper().pid };
  }

  async register({ ring }: Load): Promise<void> {
    const own = { ...this.#client, name: this.#client.client_id, cwd: "/a", repo: "a" };
    this.id = (await ring.at(0).call("start_session", own)).session_id;
  }

  async run(load: Load, first: number): Promise<void> {
    await Promise.all([0, 1].map((more) => again(load, first + more, (index) => this.collect(load, index))));
  }

  /** One hook: takes what is unread, shows it, and says so. */
  async collect({ ring }: Pick<Load, "ring">, index: number): Promise<number> {
    const bus = ring.at(index);
    const path = Math.random() < 0.5 ? "tool" : "prompt";
    const { events } = await bus.call("collect_events", { ...this.#client, path, limit: 20 });
    if (events.length === 0) return 0;
    for (const { id, repeat } of events) {
      const shown = this.shown.get(id) ?? { plain: 0, marked: 0 };
      shown[repeat ? "marked" : "plain"]++;
      this.shown.set(id, shown);
    }
    const event_ids = events.map(({ id }: { id: number }) => String(id));
    await bus.call("confirm_events", { ...this.#client, event_ids, path });
    return events.length;
  }
}
