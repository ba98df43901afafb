import { Elysia } from "elysia";
import type { Caller } from "../bus/caller.ts";
import { adapter } from "../runtime/runtime.ts";
import type { Guard } from "./access/guard.ts";
import type { Health } from "./health.ts";

export interface AppOptions {
  guard: Guard;
  mcp(request: Request, caller: Caller): Promise<Response>;
  health(): Health;
  unexpected(error: unknown): void;
}

/** Every route of the bus. The guard comes before routing, and `/health` never waits for the store. */
export function createApp(options: AppOptions): Elysia {
  // Not a "standard" host name: the path of http://x/mcp would be looked for behind its slash.
  const app = new Elysia({ handler: { standardHostname: false }, ...(adapter && { adapter }) });
  app
    .onRequest(async ({ request }) => {
      const refusal = await options.guard.check(request);
      if (refusal === null) return undefined;
      const { status, reason: error, headers = {} } = refusal;
      return Response.json({ error }, { status, headers });
    })
    .onError(({ code, error }) => {
      if (code === "NOT_FOUND")
        return Response.json({ error: "not found: the bus answers at /mcp and /health" }, { status: 404 });
      options.unexpected(error);
      return Response.json({ error: "unexpected error inside the bus; its log says more" }, { status: 500 });
    })
    .get("/health", () => {
      const health = options.health();
      return Response.json(health, { status: health.status === "ok" ? 200 : 503 });
    })
    .all("/mcp", ({ request }) => options.mcp(request, options.guard.callerOf(request)), { parse: "none" });
  return app;
}
