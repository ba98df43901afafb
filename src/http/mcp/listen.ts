import type { JSONRPCRequest, RequestId } from "@modelcontextprotocol/sdk/types.js";
import { type Caller, covers } from "../../domain/caller.ts";
import { isMail } from "../../domain/direct_message.ts";
import type { Event } from "../../domain/event.ts";
import type { Store } from "../../domain/store.ts";
import { watchClient } from "../../runtime/runtime.ts";
import { httpDenial, type Report } from "../access/refusal.ts";
import type { Shares } from "../access/shares.ts";
import { STREAM } from "../sse.ts";
import { META_PREFIX } from "./envelope.ts";
import { errorResponse, INVALID_PARAMS, refuse, refuseAs, streamsTo } from "./head.ts";
import { inboxSession } from "./inbox_uri.ts";
import { ListenStream } from "./listen_stream.ts";
import { fieldsOf } from "./result.ts";

/** Resources that one stream may ask for. Each costs a look at the database. */
const MOST_RESOURCES = 100;

export interface ListenOptions {
  store: Store;
  shares: Shares;
  /** False once the caller's token has ended. */
  holds(caller: Caller): boolean;
  /** Told of each request that is turned away. */
  refused: Report;
}

/** Tells a stream that an inbox changed. */
type Tell = () => void;

/** The streams of `subscriptions/listen`. They tell of changed inboxes. The rest cannot change while the bus runs. */
export class Listeners {
  readonly #options: ListenOptions;
  readonly #streams = new Set<ListenStream>();
  /** By the id of the session whose inbox they follow. */
  readonly #followers = new Map<string, Set<Tell>>();
  #ended = false;

  constructor(options: ListenOptions) {
    const { store } = options;
    this.#options = options;
    store.listen((event) => this.#eventCame(event));
    store.mail.listen((recipient) => this.#tell(recipient));
  }

  /** Answers with a stream, which ends when the client goes away, its token ends, or the bus stops. */
  async open({ id, params = {} }: JSONRPCRequest, request: Request, caller: Caller): Promise<Response> {
    if (!streamsTo(request.headers))
      return refuse(406, -32000, "Not acceptable: accept text/event-stream", {}, id);
    const wanted = wantedIn(params.notifications);
    if (wanted === null) return errorResponse(200, INVALID, id);
    const problem = this.#ended ? "The bus stops" : this.#options.shares.streams.take(caller);
    if (problem !== null) {
      const refusal = httpDenial({ kind: "busy", reason: `${problem}. Try again in a second.` });
      this.#options.refused(caller.origin, refusal);
      return refuseAs(refusal, id);
    }
    watchClient(request);
    const stream = this.#stream(id, await this.#inboxesOf(wanted, caller), caller);
    request.signal.addEventListener("abort", () => stream.end());
    if (request.signal.aborted) stream.end();
    return new Response(stream.readable, { headers: STREAM });
  }

  /** Ends every stream, and tells its client so. */
  end(): void {
    this.#ended = true;
    for (const stream of this.#streams) stream.finish();
  }

  /** Session ids by the URIs of their inboxes, of those that the caller may read. */
  async #inboxesOf(uris: readonly string[], { scope }: Caller): Promise<Map<string, string>> {
    const found = new Map<string, string>();
    if (!covers(scope, "full")) return found;
    for (const uri of uris) {
      const session = await this.#options.store.sessions.get(inboxSession(uri) ?? "");
      if (session?.deleted_at === null) found.set(uri, session.session_id);
    }
    return found;
  }

  #stream(id: RequestId, inboxes: ReadonlyMap<string, string>, caller: Caller): ListenStream {
    const follows = [...inboxes].map(
      ([uri, sessionId]) => [sessionId, () => stream.tell(uri)] satisfies [string, Tell],
    );
    const stream: ListenStream = new ListenStream({
      ...{ id, uris: [...inboxes.keys()] },
      result: fieldsOf({ resultType: "complete", _meta: { [`${META_PREFIX}subscriptionId`]: id } }),
      holds: () => this.#options.holds(caller),
      over: () => {
        this.#streams.delete(stream);
        this.#options.shares.streams.give(caller);
        for (const [sessionId, tell] of follows) this.#unfollow(sessionId, tell);
      },
    });
    this.#streams.add(stream);
    for (const [sessionId, tell] of follows) {
      const others = this.#followers.get(sessionId) ?? new Set();
      this.#followers.set(sessionId, others.add(tell));
    }
    return stream;
  }

  #unfollow(sessionId: string, tell: Tell): void {
    const others = this.#followers.get(sessionId);
    others?.delete(tell);
    if (others?.size === 0) this.#followers.delete(sessionId);
  }

  // Hot path: every event comes here, and most of them are not messages or nobody listens.
  #eventCame(event: Event): void {
    if (this.#followers.size === 0 || !isMail(event)) return;
    const told = this.#options.store.mail.of(event.id).then((mail) => {
      for (const { recipient } of mail) this.#tell(recipient);
    });
    // A client that is not told reads the message with its next look.
    told.catch(() => {});
  }

  #tell(recipient: string): void {
    for (const tell of this.#followers.get(recipient) ?? []) tell();
  }
}

const INVALID = {
  code: INVALID_PARAMS,
  message: `Invalid params: notifications must be an object, its resourceSubscriptions at most ${MOST_RESOURCES} strings`,
};

/** The URIs of the resources that a client wants to follow. Null if the filter is malformed. */
function wantedIn(filter: unknown): string[] | null {
  if (typeof filter !== "object" || filter === null || Array.isArray(filter)) return null;
  const { resourceSubscriptions: uris = [] } = filter as Record<string, unknown>;
  if (!Array.isArray(uris) || uris.length > MOST_RESOURCES) return null;
  return uris.every((uri) => typeof uri === "string") ? uris : null;
}
