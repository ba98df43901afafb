// A bus for the mod. The client's kit has no network: this one answers from memory, and remembers each request.
import type { Clock, Raised } from "claude-code/testing";

export interface Asked {
  tool: string;
  args: Record<string, unknown>;
  url: string;
  token: string | undefined;
  socketPath: string | undefined;
}

interface Message {
  id: number;
  channel: string;
  [field: string]: unknown;
}

export class FakeBus {
  readonly asked: Asked[] = [];
  /** What comes in place of a result: an HTTP status, or no answer. */
  trouble: number | "away" | undefined;
  /** Tools that fail, and tools that do not answer. */
  readonly fails = new Set<string>();
  readonly silent = new Set<string>();
  /** The token that it asks for. */
  token: string | undefined;
  summary: Record<string, unknown> = { name: "api", here: 3, unread: 0, needs: 0 };
  /** More of the next answer to a prompt, a tool use or a stop. */
  more: object = {};
  /** There is something that a prompt takes, and no other hook. */
  isForPrompt = false;
  /** Messages that are not confirmed. */
  unread: Message[] = [];
  readonly #unknown = new Set<unknown>();
  #dismissal: object = {};
  readonly #waiting = new Set<() => void>();
  #count = 0;

  /** Does not know this session until it is registered. */
  forget(clientId: string): void {
    this.#unknown.add(clientId);
    this.#wake();
  }

  /** Publishes a direct message. `more`: other fields of it. */
  tell(payload: string, to = "s1", more: object = {}): number {
    const id = ++this.#count;
    const message = {
      ...{ id, payload, event_type: "question", channel: `session:bus-${to}`, correlation_id: null },
      ...{ timestamp: new Date().toISOString(), session_id: "bus-web", from: { name: "web", repo: "shop" } },
    };
    this.unread.push({ ...message, ...more });
    this.#wake();
    return id;
  }

  /** Sends the waiter away. */
  dismiss(): void {
    this.#dismissal = { left: true };
    this.#wake();
  }

  stop(): void {
    this.#dismissal = { stops: true };
    this.#wake();
  }

  /** The arguments of each call of a tool. */
  of(tool: string, path?: string): Record<string, unknown>[] {
    const calls = this.asked.filter((one) => one.tool === tool).map(({ args }) => args);
    return path === undefined ? calls : calls.filter((args) => args.path === path);
  }

  get holds(): Record<string, unknown>[] {
    return this.of("collect_events", "wake");
  }

  /** Answers a request of a client. */
  async answer(clock: Clock, { url, init }: Raised): Promise<object> {
    const { name, arguments: args } = JSON.parse(init.body).params;
    const token = init.headers.authorization?.replace("Bearer ", "");
    this.asked.push({ tool: name, args, url, token, socketPath: init.socketPath });
    if (this.silent.has(name)) await clock.sleep(30_000);
    if (this.trouble === "away" || this.fails.has(name)) throw new Error("connect ECONNREFUSED");
    const status = this.token !== undefined && this.token !== token ? 401 : (this.trouble ?? 200);
    const answer =
      status === 200
        ? { result: { structuredContent: await this.#result(clock, name, args) } }
        : { error: { code: -32000, message: `refused with ${status}` } };
    const text = JSON.stringify({ jsonrpc: "2.0", id: 1, ...answer });
    return { status, ok: status === 200, headers: {}, text };
  }

  async #result(clock: Clock, tool: string, args: Record<string, unknown>): Promise<object> {
    if (tool === "summarize") return this.summary;
    if (tool === "start_session") this.#unknown.delete(args.client_id);
    if (tool === "unregister_session") this.forget(String(args.session_id).replace("bus-", ""));
    if (this.#unknown.has(args.client_id)) return { unknown: true };
    const session_id = `bus-${args.client_id}`;
    if (tool === "watch_inbox") return { session_id, ...(await this.#watch(clock, args, session_id)) };
    if (tool === "collect_events") return { session_id, ...(await this.#collect(clock, args, session_id)) };
    if (tool === "confirm_events") this.#confirm(args.event_ids as string[]);
    return { session_id };
  }

  #wake(): void {
    for (const wakeUp of this.#waiting) wakeUp();
    this.#waiting.clear();
  }

  async #untilTold(clock: Clock, seconds: unknown): Promise<void> {
    const told = new Promise<void>((resolve) => this.#waiting.add(resolve));
    await Promise.race([told, clock.sleep(Number(seconds) * 1_000)]);
  }

  async #watch(clock: Clock, args: Record<string, unknown>, sessionId: string): Promise<object> {
    const found = () => {
      if (this.#mailOf(sessionId).length > 0) return "tool";
      return this.isForPrompt && args.hook === "prompt" ? "prompt" : undefined;
    };
    if (found() === undefined) await this.#untilTold(clock, args.wait_seconds);
    return { hook: found() };
  }

  #mailOf(sessionId: string): Message[] {
    return this.unread.filter(({ channel }) => channel === `session:${sessionId}`);
  }

  async #collect(clock: Clock, args: Record<string, unknown>, sessionId: string): Promise<object> {
    const mail = () => this.#mailOf(sessionId);
    if (args.limit === 0) return { events: [], more: 0 };
    const waits = args.path === "wake";
    if (waits && mail().length === 0) await this.#untilTold(clock, args.wait_seconds);
    if (this.#unknown.has(args.client_id)) return { unknown: true };
    const more = waits ? this.#dismissal : this.more;
    if (waits) this.#dismissal = {};
    else this.more = {};
    return { events: mail(), more: 0, ...(!waits && { seen_to: this.#count }), ...more };
  }

  #confirm(ids: readonly string[]): void {
    this.unread = this.unread.filter(({ id }) => !ids.includes(String(id)));
  }
}
