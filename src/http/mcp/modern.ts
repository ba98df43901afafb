import type { JSONRPCRequest } from "@modelcontextprotocol/sdk/types.js";
import { beginning } from "../../lib/graphemes.ts";
import type { Json } from "../../lib/json.ts";
import type { Door } from "../../operations/invoke.ts";
import { isDenial } from "../../operations/outcome.ts";
import { httpDenial } from "../access/refusal.ts";
import type { Catalog } from "./catalog.ts";
import { META_PREFIX, MODERN } from "./envelope.ts";
import type { Exchange } from "./exchange.ts";
import { errorResponse, INVALID_PARAMS, type RpcError, refuseAs } from "./head.ts";
import { INBOX_TEMPLATE, inboxSession } from "./inbox_uri.ts";
import { errorMessage, fieldsOf, resultMessage } from "./result.ts";

/** How long a client may use a list without asking again (ms). Lists change with a restart only. */
const FRESH_MS = 300_000;
/** Lists differ by the caller's scope, and a bus may want a token for each of them. */
const LASTING = { ttlMs: FRESH_MS, cacheScope: "private" };
const CHANGING = { ttlMs: 0, cacheScope: "private" };

type Answer = { result: Json } | { error: RpcError };
type Method = (params: Json, exchange: Exchange) => Answer | Promise<Answer | Response>;

/** The requests of MCP 2026-07-28 besides calls and streams. Each is answered by itself. */
export class Modern {
  /** Begins each result: its type, and the server that it is from. */
  readonly first: string;
  readonly #methods: ReadonlyMap<string, Method>;

  constructor(catalog: Catalog, door: Door) {
    this.first = `${fieldsOf({ resultType: "complete", _meta: { [`${META_PREFIX}serverInfo`]: catalog.server } })},`;
    const lists = (name: string, items: readonly Json[]) => ({ result: { [name]: items, ...LASTING } });
    this.#methods = new Map<string, Method>([
      ["server/discover", () => ({ result: discovered(catalog) })],
      ["tools/list", (_params, { caller }) => lists("tools", catalog.tools(caller.scope))],
      ["resources/list", () => lists("resources", catalog.resources)],
      ["resources/templates/list", () => lists("resourceTemplates", [INBOX_TEMPLATE])],
      ["resources/read", (params, exchange) => read(params.uri, catalog, door, exchange)],
    ]);
  }

  /** Ends the exchange with the answer to its request. */
  async answer({ id, method, params = {} }: JSONRPCRequest, exchange: Exchange): Promise<void> {
    const known = this.#methods.get(method);
    if (known === undefined) {
      const error = { code: -32601, message: `Unknown method ${beginning(method, 100)}` };
      return exchange.refuse(errorResponse(404, error, id));
    }
    const answer = await known(params, exchange);
    if (answer instanceof Response) exchange.refuse(answer);
    else if ("error" in answer) exchange.answer(errorMessage(id, answer.error));
    else exchange.answer(resultMessage(id, fieldsOf(answer.result), this.first));
  }
}

function discovered({ instructions }: Catalog): Json {
  const capabilities = { tools: {}, resources: { subscribe: true } };
  return { supportedVersions: [MODERN], capabilities, instructions, ...LASTING };
}

/** Reads the guide, or the inbox of a session. */
async function read(
  uri: unknown,
  catalog: Catalog,
  door: Door,
  exchange: Exchange,
): Promise<Answer | Response> {
  if (typeof uri !== "string") return invalid("uri must be a string");
  const guide = catalog.guideAt(uri);
  if (guide !== undefined) return { result: { contents: guide, ...LASTING } };
  const session_id = inboxSession(uri);
  if (session_id === undefined) return notFound(uri);
  const outcome = await door.invokeTool("read_inbox", { session_id }, exchange);
  if ("refusal" in outcome) {
    const { refusal } = outcome;
    return isDenial(refusal) ? refuseAs(httpDenial(refusal), exchange.clientId) : invalid(refusal.reason);
  }
  if ("error" in outcome.value) return notFound(uri);
  const { mimeType } = INBOX_TEMPLATE;
  return {
    result: { contents: [{ uri, mimeType, text: JSON.stringify(outcome.value) }], ...CHANGING },
  };
}

function invalid(reason: string): Answer {
  return { error: { code: INVALID_PARAMS, message: `Invalid params: ${reason}` } };
}

function notFound(uri: string): Answer {
  const shown = beginning(uri, 100);
  return { error: { code: INVALID_PARAMS, message: `Resource not found: ${shown}`, data: { uri: shown } } };
}
