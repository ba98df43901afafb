import { Elysia } from "elysia";
import type { Caller } from "../domain/caller.ts";
import { adapter } from "../runtime/runtime.ts";
import type { Guard } from "./access/guard.ts";
import type { Refusal } from "./access/origin.ts";
import type { Health } from "./health.ts";

export interface AppOptions {
  guard: Guard;
  mcp(request: Request, caller: Caller): Promise<Response>;
  health(): Health;
  unexpected(error: unknown): void;
}

const ENDPOINT = "/mcp";

/** A request that the guard let through. */
type Passed = Request & { caller?: Caller };

type Route = (request: Request) => Promise<Response> | Response;

/** Every route of the bus. The guard comes before routing, and `/health` never waits for the store. */
export function createApp(options: AppOptions): Elysia {
  // Not a "standard" host name: the path of http://x/mcp would be looked for behind its slash.
  const app = new Elysia({ handler: { standardHostname: false }, ...(adapter && { adapter }) });
  // Around the routes: a hook that may wait would make every request wait for two promises.
  app.wrap((route, request) => () => guarded(request, route as unknown as Route) as unknown as typeof route);
  app
    .onError(({ code, error }) => {
      if (code === "NOT_FOUND")
        return Response.json({ error: "not found: the bus answers at /mcp and /health" }, { status: 404 });
      return unexpected(error);
    })
    .get("/health", () => {
      const health = options.health();
      return Response.json(health, { status: health.status === "ok" ? 200 : 503 });
    })
    .all(ENDPOINT, ({ request }) => options.mcp(request, callerOf(request)), { parse: "none" });
  return app;

  function guarded(request: Request, route: Route): Promise<Response> | Response {
    const passed = (verdict: Caller | Refusal) => {
      if ("status" in verdict) return turnedAway(verdict);
      // Nearly every request is one. Elysia's context, its router and a further promise would cost a twelfth of a publish.
      if (request.method === "POST" && isEndpoint(request.url))
        return options.mcp(request, verdict).catch(unexpected);
      (request as Passed).caller = verdict;
      return route(request);
    };
    try {
      const verdict = options.guard.check(request);
      return verdict instanceof Promise ? verdict.then(passed).catch(unexpected) : passed(verdict);
    } catch (error) {
      return unexpected(error);
    }
  }

  function unexpected(error: unknown): Response {
    options.unexpected(error);
    return Response.json({ error: "unexpected error inside the bus; its log says more" }, { status: 500 });
  }
}

/** Whether a URL is http://HOST/mcp and no more. */
function isEndpoint(url: string): boolean {
  return url.endsWith(ENDPOINT) && url.indexOf("/", "http://".length) === url.length - ENDPOINT.length;
}

function callerOf({ caller }: Passed): Caller {
  if (caller === undefined) throw new Error("a request reached a route without passing the guard");
  return caller;
}

function turnedAway({ status, reason: error, headers = {} }: Refusal): Response {
  return Response.json({ error }, { status, headers });
}
