import { Server } from "@modelcontextprotocol/sdk/server/index.js";
import {
  ErrorCode,
  ListResourcesRequestSchema,
  ListResourceTemplatesRequestSchema,
  ListToolsRequestSchema,
  McpError,
  ReadResourceRequestSchema,
} from "@modelcontextprotocol/sdk/types.js";
import type { Caller } from "../../domain/caller.ts";
import { beginning } from "../../lib/graphemes.ts";
import type { Catalog } from "./catalog.ts";

/** Answers clients of the revisions with a handshake, except for calls of tools. */
export function createServer(catalog: Catalog): Server {
  const server = new Server(catalog.server, {
    capabilities: { tools: {}, resources: {} },
    instructions: catalog.instructions,
    jsonSchemaValidator: NO_VALIDATOR,
  });
  serveTools(server, catalog);
  serveGuide(server, catalog);
  return server;
}

/** Keeps the SDK from making a validator of clients' answers, which takes megabytes. The bus asks clients nothing. */
const NO_VALIDATOR = {
  getValidator(): never {
    throw new Error("the bus asks its clients nothing");
  },
};

function serveTools(server: Server, catalog: Catalog): void {
  server.setRequestHandler(ListToolsRequestSchema, (_request, { authInfo }) => {
    const caller = authInfo?.extra?.caller as Caller | undefined;
    return { tools: caller === undefined ? [] : catalog.tools(caller.scope) };
  });
  server.fallbackRequestHandler = async ({ method }) => {
    throw new McpError(ErrorCode.MethodNotFound, `Unknown method ${beginning(method, 100)}`);
  };
}

function serveGuide(server: Server, { resources, guideAt }: Catalog): void {
  server.setRequestHandler(ListResourcesRequestSchema, () => ({ resources }));
  server.setRequestHandler(ListResourceTemplatesRequestSchema, () => ({ resourceTemplates: [] }));
  server.setRequestHandler(ReadResourceRequestSchema, ({ params }) => {
    const contents = guideAt(params.uri);
    if (contents === undefined)
      throw new McpError(-32002, `Resource not found: ${beginning(params.uri, 100)}`);
    return { contents };
  });
}
