import { type CatalogOptions, createCatalog } from "./catalog.ts";
import { HttpTransport, type TransportOptions } from "./endpoint.ts";
import { Listeners, type ListenOptions } from "./listen.ts";
import { Modern } from "./modern.ts";

export type McpOptions = Omit<TransportOptions, "modern" | "listeners" | "connectServer"> &
  CatalogOptions &
  ListenOptions;

/** The MCP endpoint: the dialect without a handshake, and one SDK server for the clients of all other revisions. */
export function createMcp(options: McpOptions): HttpTransport {
  const catalog = createCatalog(options);
  return new HttpTransport({
    ...options,
    modern: new Modern(catalog, options.door),
    listeners: new Listeners(options),
    async connectServer(transport) {
      const { createServer } = await import("./sdk_server.ts");
      await createServer(catalog).connect(transport);
    },
  });
}
