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
    .decorate("caller", null as Caller | null)
    .onRequest(async (context) => {
      const found = options.guard.check(context.request);
      const verdict = found instanceof Promise ? await found : found;
      if (!("status" in verdict)) {
        context.caller = verdict;
        return undefined;
      }
      const { status, reason: error, headers = {} } = verdict;
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
    .all("/mcp", ({ request, caller }) => options.mcp(request, passed(caller)), { parse: "none" });
  return app;
}

function passed(caller: Caller | null): Caller {
  if (caller === null) throw new Error("a request reached a route without passing the guard");
  return caller;
}
