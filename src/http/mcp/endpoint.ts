import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";
import type {
  JSONRPCMessage,
  JSONRPCRequest,
  MessageExtraInfo,
  RequestId,
} from "@modelcontextprotocol/sdk/types.js";
import { type Caller, callerKey } from "../../domain/caller.ts";
import type { Limits } from "../../domain/limits.ts";
import type { Peers } from "../../domain/peers.ts";
import { bodyOf } from "../../lib/chunks.ts";
import { lazily } from "../../lib/lazily.ts";
import type { Door } from "../../operations/invoke.ts";
import { isDenial } from "../../operations/outcome.ts";
import { isCutOff, watchClient } from "../../runtime/runtime.ts";
import { httpDenial, type Refusal, type Report } from "../access/refusal.ts";
import { type Shares, SMALL_BYTES } from "../access/shares.ts";
import { BodyError, CUT_OFF, readJson, sizeOf } from "../body.ts";
import { framed, STREAM } from "../sse.ts";
import { envelopeProblem, isModern } from "./envelope.ts";
import { Exchange, SOON_MS } from "./exchange.ts";
import { acceptProblem, INTERNAL_ERROR, refuse, refuseAs, streamsTo, versionProblem } from "./head.ts";
import { checkedMessage, corrected, INVALID_META, isMetaValid, requestFor } from "./json_rpc.ts";
import type { Listeners } from "./listen.ts";
import type { Modern } from "./modern.ts";
import { callAnswer, errorMessage } from "./result.ts";
import { LOST, resumedCall } from "./resume.ts";

const SESSION = "mcp-session-id";

export interface TransportOptions {
  limits: Limits;
  door: Door;
  shares: Shares;
  /** Answers requests without a handshake. */
  modern: Modern;
  /** Makes the SDK server that answers the others, and connects it. Loaded for the first of them, because it takes megabytes. */
  connectServer(transport: Transport): Promise<void>;
  listeners: Listeners;
  /** The buses that may run a call which a client cancels here. */
  peers: Pick<Peers, "tell" | "listen">;
  /** Told of each request that is turned away. */
  refused: Report;
  /** Told of errors that are not refusals. */
  unexpected(where: string, error: unknown): void;
}

/**
 * MCP streamable HTTP, in every revision. Translates `tools/call` to the door and back. After a handshake, one long-lived SDK
 * server answers the other requests, each at once, and knows them by ids that are unique in this process. No state outlives an
 * exchange, so a client never notices a restart. The session id of `initialize` only serves to find the call that a
 * `notifications/cancelled` means.
 */
export class HttpTransport implements Transport {
  onmessage?: NonNullable<Transport["onmessage"]>;
  readonly #options: TransportOptions;
  /** Passes a message on to the SDK's server, which is connected first. */
  readonly #pass = lazily(async () => {
    await this.#options.connectServer(this);
    return async (message: JSONRPCMessage, extra: MessageExtraInfo) => this.onmessage?.(message, extra);
  });
  readonly #exchanges = new Map<number, Exchange>();
  readonly #cancellable = new Map<string, Exchange>();
  #lastId = 0;
  /** Ids of the calls that began within the last SOON_MS. */
  #young: number[] = [];

  constructor(options: TransportOptions) {
    this.#options = options;
    options.peers.listen(({ does, key }) => {
      if (does === "cancel") this.#cancellable.get(key)?.abandon();
    });
  }

  async start(): Promise<void> {}

  async close(): Promise<void> {}

  /** Passes on an answer of the SDK server, which sends nothing else. */
  async send(message: JSONRPCMessage): Promise<void> {
    const exchange = "id" in message ? this.#exchanges.get(Number(message.id)) : undefined;
    exchange?.answer(JSON.stringify(corrected({ ...message, id: exchange.clientId })));
  }

  /** Answers one HTTP request to the MCP endpoint. The SDK's handlers find the caller in `authInfo`. */
  async handle(request: Request, caller: Caller): Promise<Response> {
    const resumed = resumedCall(request);
    if (resumed !== undefined) {
      // Ends the call whose stream broke off, unless it ended with its process.
      this.#cancel(request, caller, resumed);
      return new Response(bodyOf(framed(errorMessage(resumed, LOST))), { headers: STREAM });
    }
    if (request.method !== "POST")
      return refuse(405, -32000, "Method not allowed: POST one JSON-RPC message", { allow: "POST" });
    const unacceptable = acceptProblem(request.headers);
    if (unacceptable !== null) return unacceptable;
    const { limits, shares } = this.#options;
    const size = sizeOf(request, limits.body_bytes);
    const busy = shares.readBody(caller, size);
    if (busy !== null) return this.#turnAway(caller, size > SMALL_BYTES ? closing(busy) : busy, null);
    let message: JSONRPCMessage;
    try {
      message = checkedMessage(await readJson(request, limits));
      const late = caller.local ? null : await shares.turn(caller, size);
      if (late !== null) return this.#turnAway(caller, late, "id" in message ? (message.id ?? null) : null);
    } catch (error) {
      if (error instanceof BodyError) return refuse(error.status, error.code, error.message);
      throw error;
    } finally {
      shares.bodyRead(caller, size);
    }
    const version = request.headers.get("mcp-protocol-version");
    const modern = isModern(version, message);
    const problem = modern ? envelopeProblem(request.headers, message) : versionProblem(version);
    if (problem !== null) return problem;
    // Not before a read: with a further turn of the event loop, more answers are in memory at once.
    const appends = "params" in message && this.#options.door.appends(message.params?.name);
    if (appends && (await isCutOff(request))) return refuse(400, -32700, CUT_OFF);
    if ("id" in message && "method" in message) return this.#answer(request, message, caller, modern);
    if ("method" in message && message.method === "notifications/cancelled")
      this.#cancel(request, caller, message.params?.requestId);
    return new Response(null, { status: 202 });
  }

  #answer(
    request: Request,
    message: JSONRPCRequest,
    caller: Caller,
    modern: boolean,
  ): Response | Promise<Response> {
    const isCall = message.method === "tools/call";
    const full = isCall ? null : this.#options.shares.full(caller);
    if (full !== null) return this.#turnAway(caller, full, message.id);
    if (modern && message.method === "subscriptions/listen")
      return this.#options.listeners.open(message, request, caller);
    watchClient(request);
    const id = ++this.#lastId;
    const exchange = this.#exchange(id, request, message, caller);
    if (!modern && !isMetaValid(message)) exchange.answer(errorMessage(message.id, INVALID_META));
    else this.#carryOut(message, id, exchange, modern);
    return exchange.response;
  }

  #exchange(id: number, request: Request, message: JSONRPCRequest, caller: Caller): Exchange {
    const key = request.headers.has(SESSION) ? cancelKey(request, caller, message.id) : undefined;
    const exchange: Exchange = new Exchange({
      message,
      request,
      caller,
      streams: streamsTo(request.headers),
      headers: message.method === "initialize" ? { [SESSION]: crypto.randomUUID() } : undefined,
      shares: this.#options.shares,
      over: () => {
        this.#exchanges.delete(id);
        if (key !== undefined && this.#cancellable.get(key) === exchange) this.#cancellable.delete(key);
      },
    });
    this.#exchanges.set(id, exchange);
    this.#lookAgain(id);
    if (key !== undefined) this.#cancellable.set(key, exchange);
    return exchange;
  }

  // Calls past the SDK, which would parse each message four times and take longer than a publish does.
  async #carryOut(message: JSONRPCRequest, own: number, exchange: Exchange, modern: boolean): Promise<void> {
    const { id, method, params } = message;
    const { door, modern: dialect, unexpected } = this.#options;
    try {
      if (method !== "tools/call")
        return await (modern ? dialect.answer(message, exchange) : this.#passOn(message, own, exchange));
      const outcome = await door.invokeTool(params?.name, params?.arguments, exchange);
      if ("refusal" in outcome && isDenial(outcome.refusal))
        exchange.refuse(refuseAs(httpDenial(outcome.refusal), id));
      else exchange.answer(callAnswer(id, outcome, modern ? dialect.first : ""));
    } catch (error) {
      unexpected(method, error);
      exchange.answer(
        errorMessage(id, {
          code: INTERNAL_ERROR,
          message: "Unexpected error in the bus. Its log has the details.",
        }),
      );
    }
  }

  #passOn(message: JSONRPCRequest, own: number, { caller }: Exchange): Promise<void> {
    const authInfo = { token: "", clientId: "", scopes: [], extra: { caller } };
    return this.#pass(requestFor(message, own), { authInfo });
  }

  // Hot path: a timer and a listener for each call would cost a short call more than its work does. Only ids are kept,
  // because objects that outlive their call make garbage collection slower.
  #lookAgain(id: number): void {
    if (this.#young.push(id) > 1) return;
    setTimeout(() => {
      const young = this.#young;
      this.#young = [];
      for (const one of young) this.#exchanges.get(one)?.lasts();
    }, SOON_MS);
  }

  /** Ends the streams that tell of changes. */
  end(): void {
    this.#options.listeners.end();
  }

  #turnAway(caller: Caller, refusal: Refusal, id: RequestId | null): Response {
    this.#options.refused(caller.origin, refusal);
    return refuseAs(refusal, id);
  }

  #cancel(request: Request, caller: Caller, id: unknown): void {
    const key = cancelKey(request, caller, id);
    const exchange = this.#cancellable.get(key);
    if (exchange === undefined) this.#options.peers.tell({ does: "cancel", key });
    else exchange.abandon();
  }
}

// Holds the caller, so that nobody can cancel another caller's call by its session id.
function cancelKey(request: Request, caller: Caller, id: unknown): string {
  return `${callerKey(caller)}\n${request.headers.get(SESSION)}\n${JSON.stringify(id)}`;
}

/** Closes the connection. On an open one the refused body would be read to its end. */
function closing(refusal: Refusal): Refusal {
  return { ...refusal, headers: { ...refusal.headers, connection: "close" } };
}
