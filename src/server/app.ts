import { Elysia } from "elysia";
import { adapter, peerOf } from "../runtime/runtime.ts";
import { isLocal, type Refusal } from "./guard.ts";

export interface AppOptions {
  guard(request: Request): Refusal;
  mcp(request: Request, local: boolean): Promise<Response>;
  health(): Record<string, unknown>;
  unexpected(error: unknown): void;
}

/** Every route of the bus. The guard comes before routing, and `/health` never waits for the store. */
export function createApp(options: AppOptions): Elysia {
  // Not a "standard" host name: the path of http://x/mcp would be looked for behind its slash.
  const app = new Elysia({ handler: { standardHostname: false }, ...(adapter && { adapter }) });
  app
    .onRequest(({ request }) => {
      const refusal = options.guard(request);
      return refusal === null
        ? undefined
        : Response.json({ error: refusal.reason }, { status: refusal.status });
    })
    .onError(({ code, error }) => {
      if (code === "NOT_FOUND")
        return Response.json({ error: "not found: the bus answers at /mcp and /health" }, { status: 404 });
      options.unexpected(error);
      return Response.json({ error: "unexpected error inside the bus; its log says more" }, { status: 500 });
    })
    .get("/health", () => Response.json(options.health()))
    .all("/mcp", ({ request }) => options.mcp(request, isLocal(peerOf(request), request)), { parse: "none" });
  return app;
}
