import type { RequestId } from "@modelcontextprotocol/sdk/types.js";
import type { Json } from "../../lib/json.ts";
import { COMMENT, framed, KEEP_ALIVE_MS, PulledBody } from "../sse.ts";
import { META_PREFIX } from "./envelope.ts";
import { resultMessage } from "./result.ts";

export interface ListenStreamOptions {
  /** Id of the request, which every message repeats. */
  id: RequestId;
  /** The resources that it tells about. */
  uris: readonly string[];
  /** Fields of the result, in JSON. */
  result: string;
  /** False once the caller's token has ended. */
  holds(): boolean;
  /** Called once, at the end. */
  over(): void;
}

const SUBSCRIPTION = `${META_PREFIX}subscriptionId`;
const encoder = new TextEncoder();

/** One answer to `subscriptions/listen`. A client that reads slowly is told once of a resource that changed often. */
export class ListenStream {
  readonly readable: ReadableStream<Uint8Array>;
  readonly #options: ListenStreamOptions;
  readonly #body: PulledBody;
  readonly #changed = new Set<string>();
  #state: "new" | "open" | "finishing" | "over" = "new";
  #wakeUp: () => void = () => {};

  constructor(options: ListenStreamOptions) {
    this.#options = options;
    this.#body = new PulledBody(
      () => this.#piece(),
      () => this.end(),
    );
    this.readable = this.#body.readable;
  }

  /** Tells the client that a resource changed. */
  tell(uri: string): void {
    this.#changed.add(uri);
    this.#wakeUp();
  }

  /** Ends with a result, by which the client knows that the bus ended it. */
  finish(): void {
    if (this.#state === "over") return;
    this.#state = "finishing";
    this.#wakeUp();
  }

  /** Ends at once. */
  end(): void {
    if (this.#state === "over") return;
    this.#close();
    this.#wakeUp();
    this.#body.close();
  }

  async #piece(): Promise<Uint8Array | null> {
    if (this.#state === "open" && this.#changed.size === 0) await this.#sleep();
    if (!this.#options.holds()) this.end();
    if (this.#state === "over") return null;
    return encoder.encode(this.#next());
  }

  #next(): string {
    const { id, uris, result } = this.#options;
    if (this.#state === "new") {
      this.#state = uris.length === 0 ? "finishing" : "open";
      const notifications = uris.length === 0 ? {} : { resourceSubscriptions: uris };
      return this.#notification("subscriptions/acknowledged", { notifications });
    }
    if (this.#state === "finishing") {
      this.#close();
      return String(framed(resultMessage(id, result, "")));
    }
    const changed = [...this.#changed];
    this.#changed.clear();
    return changed.map((uri) => this.#notification("resources/updated", { uri })).join("") || COMMENT;
  }

  #notification(name: string, params: Json): string {
    const _meta = { [SUBSCRIPTION]: this.#options.id };
    const message = { jsonrpc: "2.0", method: `notifications/${name}`, params: { ...params, _meta } };
    return String(framed(JSON.stringify(message)));
  }

  #close(): void {
    this.#state = "over";
    this.#options.over();
  }

  /** Resolves after a change or at the end, and else when a comment is due that keeps the connection open. */
  #sleep(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, KEEP_ALIVE_MS);
    this.#wakeUp = resolve;
    return promise.finally(() => clearTimeout(timer));
  }
}
