import type { TestBus } from "./bus.ts";

/** Reads one value of the database, as text. `params` stand for `?`. */
export type Ask = (sql: string, ...params: readonly (string | number)[]) => Promise<string>;

/** Its receiver is not there. */
const NOBODY = "http://127.0.0.1:9/";

/**
 * A client that changes everything it has on a bus that is killed again and again: it knows for each thing the states that
 * the database may be in, and how far its cursor came.
 */
export class ChangingClient {
  /** Allowed states by thing; several only while a call was cut off. */
  readonly #states = new Map<string, Set<string>>();
  /** Direct messages that were acknowledged to their sender. */
  readonly #mail: { recipient: string; event: number }[] = [];
  readonly #name: string;
  #session = "";
  #cursor = 0;
  #step = 0;
  #hook: { id: number; url: string } | undefined;
  /** Changes that the bus acknowledged. */
  acknowledged = 0;

  constructor(name: string) {
    this.#name = name;
  }

  /** Goes through its changes until the bus is gone, or it is told to end. */
  async run(
    bus: TestBus,
    peers: readonly ChangingClient[],
    isOver: () => boolean = () => false,
  ): Promise<void> {
    const changes = [
      () => this.#write(bus, peers),
      () => this.#read(bus),
      () => this.#claim(bus),
      () => this.#come(bus),
      () => this.#acknowledge(bus),
      () => this.#leave(bus),
      () => this.#addHook(bus),
      () => this.#switchHook(bus, false),
      () => this.#switchHook(bus, true),
      () => this.#removeHook(bus),
    ];
    try {
      this.#session ||= (await this.#register(bus, this.#name)).session_id;
      while (!isOver()) {
        await changes[this.#step++ % changes.length]?.();
        this.acknowledged++;
      }
    } catch {
      // The call that was cut off may have been carried out.
    }
  }

  /** What of the database contradicts what was acknowledged. Nothing changes it meanwhile. */
  async faults(ask: Ask): Promise<string[]> {
    const found: string[] = [];
    for (const [thing, allowed] of this.#states) {
      const [kind = "", name = ""] = thing.split(" ");
      const state = await ask(STATE_OF[kind as keyof typeof STATE_OF], name);
      if (!allowed.has(state)) found.push(`${thing} is ${state}, not ${[...allowed].join(" or ")}`);
      this.#states.set(thing, new Set([state]));
    }
    const cursor = Number(await ask("SELECT last_cursor FROM sessions WHERE id = ?", this.#session));
    if (this.#session !== "" && !(cursor >= this.#cursor))
      found.push(`the cursor of ${this.#name} went back from ${this.#cursor} to ${cursor}`);
    for (const { recipient, event } of this.#mail.splice(0))
      if ((await ask(MAIL, recipient, event)) !== "1")
        found.push(`message ${event} for ${recipient} is lost`);
    const unacknowledged = await ask(UNACKNOWLEDGED, this.#session, this.#cursor);
    if (unacknowledged !== "0") found.push(`${unacknowledged} messages of ${this.#name} are unread again`);
    return found;
  }

  async #change<T>(thing: string, state: string, call: Promise<T>): Promise<T> {
    const allowed = this.#states.get(thing) ?? new Set(["null"]);
    this.#states.set(thing, allowed.add(state));
    const result = await call;
    this.#states.set(thing, new Set([state]));
    return result;
  }

  #register(bus: TestBus, name: string, more = {}): Promise<{ session_id: string }> {
    return bus.call("register_session", { name, machine: "m", client_id: name, ...more });
  }

  async #write(bus: TestBus, peers: readonly ChangingClient[]): Promise<void> {
    const to = peers[this.#step % peers.length] ?? this;
    const recipient = to.#session || this.#session;
    const message = {
      event_type: "t",
      payload: "p",
      channel: `session:${recipient}`,
      session_id: this.#session,
    };
    const { event_id } = await bus.call("publish_event", message);
    if (recipient !== this.#session) this.#mail.push({ recipient, event: event_id });
  }

  async #read(bus: TestBus): Promise<void> {
    const query = { session_id: this.#session, resume: true, order: "asc", limit: 5 };
    const { next_cursor, warning } = await bus.call("get_events", query);
    // With a warning, events were read but the cursor was not saved.
    if (warning === undefined) this.#cursor = Math.max(this.#cursor, Number(next_cursor));
  }

  async #acknowledge(bus: TestBus): Promise<void> {
    const { events } = await bus.call("get_events", { limit: 1 });
    const { cursor } = await bus.call("ack_events", {
      session_id: this.#session,
      cursor: String(events[0].id),
    });
    this.#cursor = Math.max(this.#cursor, Number(cursor));
  }

  async #claim(bus: TestBus): Promise<void> {
    const name = `${this.#name}-${this.#step}`;
    const claim = { name, machine: "m", client_id: this.#name, claim: true };
    await this.#change(`claim ${name}`, this.#session, bus.call("register_session", claim));
  }

  async #come(bus: TestBus): Promise<void> {
    const name = `${this.#name}-guest`;
    await this.#change(`guest ${name}`, "1", this.#register(bus, name));
  }

  async #leave(bus: TestBus): Promise<void> {
    const name = `${this.#name}-guest`;
    const call = bus.call("unregister_session", { machine: "m", client_id: name });
    await this.#change(`guest ${name}`, "null", call);
  }

  async #addHook(bus: TestBus): Promise<void> {
    const url = `${NOBODY}${this.#name}-${this.#step}`;
    const call = bus.call("register_webhook", { url, channel: `nobody-${this.#name}` });
    this.#hook = { id: (await this.#change(`hook ${url}`, "1", call)).webhook_id, url };
  }

  async #switchHook(bus: TestBus, active: boolean): Promise<void> {
    if (this.#hook === undefined) return;
    const call = bus.call("set_webhook_active", { webhook_id: this.#hook.id, active });
    await this.#change(`hook ${this.#hook.url}`, active ? "1" : "0", call);
  }

  async #removeHook(bus: TestBus): Promise<void> {
    if (this.#hook === undefined) return;
    const { id, url } = this.#hook;
    this.#hook = undefined;
    await this.#change(`hook ${url}`, "null", bus.call("unregister_webhook", { webhook_id: id }));
  }
}

/** The state of a thing, as a query of one value. */
const STATE_OF = {
  claim: "SELECT session_id FROM claims WHERE name = ?",
  guest: "SELECT nullif(count(*), 0) FROM sessions WHERE client_id = ? AND deleted_at IS NULL",
  hook: "SELECT CASE WHEN active THEN 1 ELSE 0 END FROM webhooks WHERE url = ?",
};
const MAIL = "SELECT count(*) FROM mail WHERE recipient = ? AND event_id = ?";
const UNACKNOWLEDGED = `SELECT count(*) FROM mail WHERE recipient = ? AND event_id <= ? AND seen_at IS NULL`;
