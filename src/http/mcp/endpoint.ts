import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";
import {
  type JSONRPCMessage,
  type JSONRPCRequest,
  LATEST_PROTOCOL_VERSION,
  SUPPORTED_PROTOCOL_VERSIONS,
} from "@modelcontextprotocol/sdk/types.js";
import { type Caller, callerKey } from "../../domain/caller.ts";
import type { Limits } from "../../domain/limits.ts";
import { bodyOf } from "../../lib/chunks.ts";
import type { CallTool } from "../../operations/invoke.ts";
import { watchClient } from "../../runtime/runtime.ts";
import type { Admit } from "../access/authorize.ts";
import type { Refusal } from "../access/origin.ts";
import type { Report } from "../access/refusal_log.ts";
import { type Shares, SMALL_BYTES } from "../access/shares.ts";
import { BodyError, parseBody, readBody, sizeOf } from "../body.ts";
import { framed, STREAM } from "../sse.ts";
import { Exchange, type Observer, SOON_MS } from "./exchange.ts";
import { checkedMessage, corrected, INVALID_META, isMetaValid, requestFor } from "./json_rpc.ts";
import { errorMessage } from "./result.ts";
import { lostAnswer, resumedCall } from "./resume.ts";

const SESSION = "mcp-session-id";

export interface TransportOptions {
  limits: Limits;
  admit: Admit;
  shares: Shares;
  /** Told of each call that is turned away. */
  refused: Report;
  callTool: CallTool;
}

/**
 * MCP streamable HTTP in front of one long-lived SDK server: every POST is an exchange of its own, its request id
 * rewritten to one that is unique in this process. No state outlives an exchange, so a client never notices a restart;
 * the session id that `initialize` hands out only serves to find the call that a `notifications/cancelled` means.
 */
export class HttpTransport implements Transport {
  onmessage?: NonNullable<Transport["onmessage"]>;
  onclose?: () => void;
  onerror?: (error: Error) => void;
  #exchanges = new Map<number, Exchange>();
  #cancellable = new Map<string, number>();
  #lastId = 0;
  /** Calls of the last moment, answered or not. */
  #young: number[] = [];
  readonly #options: TransportOptions;
  readonly #observer: Observer = {
    gone: ({ id }) => this.#cancel(id),
    over: ({ id, caller, cancelKey: key }) => {
      if (this.#exchanges.delete(id)) this.#options.shares.ended(caller);
      if (key !== undefined && this.#cancellable.get(key) === id) this.#cancellable.delete(key);
    },
    handsOver: ({ caller }, bytes) => this.#options.shares.answer(caller, bytes),
    handedOver: ({ caller }, bytes) => this.#options.shares.taken(caller, bytes),
  };

  constructor(options: TransportOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {}

  async close(): Promise<void> {
    this.onclose?.();
  }

  async send(
    message: JSONRPCMessage,
    options?: { relatedRequestId?: string | number | undefined },
  ): Promise<void> {
    const id = "id" in message && !("method" in message) ? message.id : options?.relatedRequestId;
    const exchange = this.#exchanges.get(Number(id));
    if (exchange === undefined) return;
    if ("method" in message) exchange.notify(message);
    else exchange.answer(JSON.stringify(corrected({ ...message, id: exchange.clientId })));
  }

  /** Answers one HTTP request to the MCP endpoint. Handlers find the caller in `authInfo`. */
  async handle(request: Request, caller: Caller): Promise<Response> {
    const resumed = resumedCall(request);
    if (resumed !== undefined) return this.#resume(request, caller, resumed);
    if (request.method !== "POST")
      return refuse(405, -32000, "Method not allowed: POST one JSON-RPC message", { allow: "POST" });
    const accept = request.headers.get("accept");
    const problem = headProblem(accept, request.headers.get("mcp-protocol-version"));
    if (problem !== null) return problem;
    const { limits, shares } = this.#options;
    const size = sizeOf(request, limits.body_bytes);
    const busy = shares.readBody(caller, size);
    if (busy !== null) return this.#turnAway(caller, size > SMALL_BYTES ? closing(busy) : busy, null);
    let message: JSONRPCMessage;
    try {
      message = checkedMessage(parseBody(await readBody(request, limits.body_bytes), limits));
      const late = caller.local ? null : await shares.turn(caller, size);
      if (late !== null) return this.#turnAway(caller, late, "id" in message ? (message.id ?? null) : null);
    } catch (error) {
      if (error instanceof BodyError) return refuse(error.status, error.code, error.message);
      throw error;
    } finally {
      shares.bodyRead(caller, size);
    }
    const streams = accept !== null && streamsTo(accept);
    if ("id" in message && "method" in message) return this.#exchange(request, message, caller, streams);
    this.#accept(request, caller, message);
    return new Response(null, { status: 202 });
  }

  // The call that the stream belonged to is over: it ended with its process, or it is cancelled here.
  #resume(request: Request, caller: Caller, id: string | number): Response {
    this.#cancel(this.#cancellable.get(cancelKey(request, caller, id)));
    return new Response(bodyOf(framed(lostAnswer(id))), { headers: STREAM });
  }

  #accept(request: Request, caller: Caller, message: JSONRPCMessage): void {
    if (!("method" in message)) return;
    if (message.method === "notifications/cancelled")
      this.#cancel(this.#cancellable.get(cancelKey(request, caller, message.params?.requestId)));
    else this.onmessage?.(message);
  }

  #exchange(
    request: Request,
    message: JSONRPCRequest,
    caller: Caller,
    streams: boolean,
  ): Response | Promise<Response> {
    const { admit, shares } = this.#options;
    const full = shares.begin(caller);
    if (full !== null) return this.#turnAway(caller, full, message.id);
    const refusal = message.method === "tools/call" ? admit(caller, message.params?.name) : null;
    if (refusal !== null) {
      shares.ended(caller);
      return this.#turnAway(caller, refusal, message.id);
    }
    watchClient(request);
    const id = ++this.#lastId;
    const key = request.headers.has(SESSION) ? cancelKey(request, caller, message.id) : undefined;
    const exchange = new Exchange({
      id,
      message,
      request,
      caller,
      streams,
      cancelKey: key,
      headers: initialHeaders(message),
      observer: this.#observer,
    });
    this.#exchanges.set(id, exchange);
    this.#lookAgain(id);
    if (key !== undefined) this.#cancellable.set(key, id);
    if (!isMetaValid(message)) exchange.answer(errorMessage(message.id, INVALID_META));
    else if (message.method === "tools/call") this.#options.callTool(message.params, exchange);
    else {
      const authInfo = { token: "", clientId: "", scopes: [], extra: { caller } };
      this.onmessage?.(requestFor(message, id), { authInfo });
    }
    return exchange.response;
  }

  // A timer and a listener of its own for each call would cost a short call more than its work does. Only ids are kept:
  // whatever outlives its call makes collecting garbage slower.
  #lookAgain(id: number): void {
    if (this.#young.push(id) > 1) return;
    setTimeout(() => {
      const young = this.#young;
      this.#young = [];
      for (const one of young) this.#exchanges.get(one)?.lasts();
    }, SOON_MS);
  }

  #turnAway(caller: Caller, refusal: Refusal, id: string | number | null): Response {
    this.#options.refused(caller.origin, refusal);
    return refuse(refusal.status, -32000, refusal.reason, refusal.headers, id);
  }

  #cancel(id: number | undefined): void {
    const exchange = id === undefined ? undefined : this.#exchanges.get(id);
    if (exchange === undefined) return;
    this.onmessage?.({ jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: id } });
    exchange.abandon();
  }
}

// Nobody cancels the call of another caller, even knowing its session id.
function cancelKey(request: Request, caller: Caller, id: unknown): string {
  return `${callerKey(caller)}\n${request.headers.get(SESSION)}\n${JSON.stringify(id)}`;
}

/** The body of a refused request is read to its end for the next one on its connection, unless that is closed. */
function closing(refusal: Refusal): Refusal {
  return { ...refusal, headers: { ...refusal.headers, connection: "close" } };
}

function initialHeaders({ method }: JSONRPCRequest): Record<string, string> | undefined {
  return method === "initialize" ? { [SESSION]: crypto.randomUUID() } : undefined;
}

function streamsTo(accept: string): boolean {
  return accept.includes("text/event-stream");
}

function headProblem(accept: string | null, version: string | null): Response | null {
  if (
    accept !== null &&
    !streamsTo(accept) &&
    !/application\/(json|\*)|text\/event-stream|\*\/\*/i.test(accept)
  )
    return refuse(406, -32000, "Not acceptable: accept application/json, text/event-stream or both");
  if (version !== null && !SUPPORTED_PROTOCOL_VERSIONS.includes(version))
    return refuse(
      400,
      -32000,
      `Bad request: unsupported protocol version ${version} (supported: ${[...SUPPORTED_PROTOCOL_VERSIONS].join(", ")}; newest ${LATEST_PROTOCOL_VERSION})`,
    );
  return null;
}

function refuse(
  status: number,
  code: number,
  message: string,
  headers: Readonly<Record<string, string>> = {},
  id: string | number | null = null,
): Response {
  return Response.json({ jsonrpc: "2.0", error: { code, message }, id }, { status, headers });
}
