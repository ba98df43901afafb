import { connect, type Socket } from "node:net";
import { type Bytes, type RawAnswer, readAnswer, writeUntil } from "../raw.ts";

/** One keep-alive connection that asks and is answered in turn; it is opened again when the bus has closed it. */
export class Connection {
  readonly #port: number;
  #socket: Socket | undefined;

  constructor(port: number) {
    this.#port = port;
  }

  another(): Connection {
    return new Connection(this.#port);
  }

  /** Resolves with status 0 when the connection was cut without an answer. */
  async ask(bytes: Bytes | Iterable<Bytes>, ms: number, leaves = false): Promise<RawAnswer | "late"> {
    const socket = this.#open();
    const answer = readAnswer(socket, ms).catch(() => "late" as const);
    await writeUntil(answer, socket, bytes);
    if (leaves) socket.end(() => socket.destroy());
    const got = await answer;
    if (got === "late" || got.status === 0 || /^connection: *close/im.test(got.head)) this.close();
    return got === "late" ? got : { ...got, body: Buffer.from(got.body, "latin1").toString() };
  }

  close(): void {
    this.#socket?.destroy();
    this.#socket = undefined;
  }

  #open(): Socket {
    if (this.#socket?.destroyed === false && this.#socket.readyState === "open") return this.#socket;
    this.#socket = connect({ port: this.#port, host: "127.0.0.1", noDelay: true });
    this.#socket.on("error", () => {});
    return this.#socket;
  }
}
