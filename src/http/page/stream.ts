import { type Caller, covers } from "../../domain/caller.ts";
import type { Store } from "../../domain/store.ts";
import type { Door } from "../../operations/invoke.ts";
import { watchClient } from "../../runtime/runtime.ts";
import { httpDenial, type Refusal, type Report } from "../access/refusal.ts";
import type { Shares } from "../access/shares.ts";
import { STREAM } from "../sse.ts";
import { Changes } from "./changes.ts";
import { PageStream } from "./page_stream.ts";
import { Reads } from "./reads.ts";

export interface StreamOptions {
  door: Door;
  shares: Shares;
  store: Store;
  /** Why a caller may not answer for the user, and so may not read either. Null if it may. */
  refusalOf(caller: Caller): Promise<string | null>;
  /** False once the caller's login or token has ended. */
  holds(caller: Caller): boolean;
  /** Told of each request that is turned away. */
  refused: Report;
  unexpected(where: string, error: unknown): void;
  /** The first message to every page. */
  hello(): Record<string, unknown>;
}

/** `GET /api/stream`: what happens, for the page of the user and for tokens of the scope `answer`. */
export class Streams {
  readonly #options: StreamOptions;
  readonly #changes: Changes;
  readonly #reads: Reads;

  constructor(options: StreamOptions) {
    const { door, store } = options;
    this.#options = options;
    this.#changes = new Changes(store);
    this.#reads = new Reads(door, this.#changes);
  }

  async handle(request: Request, caller: Caller): Promise<Response> {
    const refusal = await this.#refusal(caller);
    if (refusal !== null) {
      const { status, reason, headers = {} } = refusal;
      this.#options.refused(caller.origin, refusal);
      return Response.json({ error: reason }, { status, headers });
    }
    watchClient(request);
    const { shares, holds, hello, unexpected } = this.#options;
    const stream = new PageStream({
      caller,
      lastId: request.headers.get("last-event-id"),
      changes: this.#changes,
      reads: this.#reads,
      ...{ shares, holds, hello },
      unexpected: (error) => unexpected("/api/stream", error),
      over: () => shares.streams.give(caller),
    });
    request.signal.addEventListener("abort", () => stream.end());
    if (request.signal.aborted) stream.end();
    return new Response(stream.readable, { headers: { ...STREAM, "x-content-type-options": "nosniff" } });
  }

  /** Ends every stream. Pages ask again. */
  end(): void {
    this.#changes.end();
  }

  async #refusal(caller: Caller): Promise<Refusal | null> {
    if (caller.page !== true && !covers(caller.scope, "answer"))
      return { status: 403, reason: "The page alone may read this stream. To sign in: agent-event-bus open" };
    const reason = await this.#options.refusalOf(caller);
    if (reason !== null) return { status: 403, reason };
    const problem = this.#changes.ended ? "The bus stops" : this.#options.shares.streams.take(caller);
    return problem === null
      ? null
      : httpDenial({ kind: "busy", reason: `${problem}. Try again in a second.` });
  }
}
