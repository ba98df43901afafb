import pg from "pg";
import { clientConfig } from "./connection.ts";

const FIRST_RETRY_MS = 100;
const MOST_RETRY_MS = 10_000;

/** Hears the notifications of a channel on a connection of its own, which is made anew when it is lost. */
export class Listener {
  readonly #url: string;
  readonly #channel: string;
  readonly #onNotify: (told?: string) => void;
  #client: pg.Client | undefined;
  #retryMs = FIRST_RETRY_MS;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isClosed = false;

  /** `onNotify`: called with each notification, and with nothing after a time in which some may be lost. */
  constructor(url: string, channel: string, onNotify: (told?: string) => void) {
    this.#url = url;
    this.#channel = channel;
    this.#onNotify = onNotify;
  }

  /** @throws the driver's error when the server cannot be reached. */
  async start(): Promise<void> {
    const client = new pg.Client(clientConfig(this.#url));
    client.on("error", () => {});
    client.on("end", () => this.#again(client));
    client.on("notification", ({ payload }) => this.#onNotify(payload ?? ""));
    try {
      await client.connect();
      // A replica refuses it.
      await client.query(`LISTEN ${this.#channel}`);
    } catch (error) {
      await client.end().catch(() => {});
      throw error;
    }
    this.#client = client;
    this.#retryMs = FIRST_RETRY_MS;
  }

  /** Listens on a new connection: after a failure, the name of the database may lead to another server. */
  renew(): void {
    void this.#client?.end();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    await this.#client?.end();
  }

  #again(lost: pg.Client): void {
    if (this.#isClosed || lost !== this.#client) return;
    this.#client = undefined;
    this.#retry();
  }

  #retry(): void {
    this.#timer = setTimeout(() => {
      this.start().then(
        () => this.#onNotify(),
        () => this.#retry(),
      );
    }, this.#retryMs);
    this.#timer.unref();
    this.#retryMs = Math.min(2 * this.#retryMs, MOST_RETRY_MS);
  }
}
