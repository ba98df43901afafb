import { Elysia } from "elysia";
import { type Caller, covers } from "../domain/caller.ts";
import { adapter } from "../runtime/runtime.ts";
import type { Guard } from "./access/guard.ts";
import type { Refusal } from "./access/origin.ts";
import type { Report } from "./access/refusal_log.ts";
import type { Params, Route } from "./routes.ts";

export interface AppOptions {
  routes: readonly Route[];
  guard: Guard;
  /** Called for each request that its route's policy refuses. */
  refused: Report;
  unexpected(error: unknown): void;
}

/** Serves a list of routes. The guard comes first, for unknown paths too. */
export function createApp({ routes, guard, refused, unexpected }: AppOptions): Elysia {
  const find = createFind(routes);
  const app = new Elysia(adapter && { adapter });
  // Hot path: Elysia only listens. Its router and context would cost a twelfth of a publish.
  app.wrap((_, request) => () => answer(request) as never);
  return app;

  async function answer(request: Request): Promise<Response> {
    try {
      const { route, params, unknown } = find(request);
      const verdict = await guard.check(request, route?.body);
      if ("status" in verdict) return written(verdict);
      if (route === undefined) return written(unknown());
      const refusal = scopeRefusal(route, verdict);
      if (refusal !== null) {
        refused(verdict.origin, refusal);
        return written(refusal);
      }
      const answered = await route.handle(request, verdict, params);
      return request.method === "HEAD" ? withoutBody(answered) : answered;
    } catch (error) {
      unexpected(error);
      return written({ status: 500, reason: "unexpected error inside the bus; its log says more" });
    }
  }
}

interface Found {
  route: Route | undefined;
  params: Params;
  /** The answer if there is no route. */
  unknown(): Refusal;
}

/** Finds the route of a request by its path and its method. */
function createFind(routes: readonly Route[]): (request: Request) => Found {
  const patterns = routes.map((route) => ({ route, pattern: route.path.split("/") }));
  const paths = [...new Set(routes.map(({ path }) => path))].join(" and ");
  const notFound: Refusal = { status: 404, reason: `not found: the bus answers at ${paths}` };
  return ({ method, url }) => {
    const path = pathOf(url).split("/");
    const here: Route[] = [];
    for (const { route, pattern } of patterns) {
      const params = paramsIn(path, pattern);
      if (params === null) continue;
      if (takes(route, method)) return { route, params, unknown: () => notFound };
      here.push(route);
    }
    const hidden = here.length === 0 || here.some(({ otherMethods }) => otherMethods === 404);
    const unknown = () => (hidden ? notFound : notAllowed(here));
    return { route: undefined, params: {}, unknown };
  };
}

/** The path of a URL, without one final slash. */
function pathOf(url: string): string {
  const end = url.indexOf("?");
  const path = url.slice(url.indexOf("/", "http://".length), end === -1 ? undefined : end);
  return path.length > 1 && path.endsWith("/") ? path.slice(0, -1) : path;
}

/** Null if the path does not match. */
function paramsIn(path: readonly string[], pattern: readonly string[]): Params | null {
  if (path.length !== pattern.length) return null;
  const params: Record<string, string> = {};
  for (const [i, part] of pattern.entries())
    if (part.startsWith(":")) params[part.slice(1)] = path[i] ?? "";
    else if (part !== path[i]) return null;
  return params;
}

function takes(route: Route, method: string): boolean {
  return route.method === "ALL" || route.method === (method === "HEAD" ? "GET" : method);
}

function notAllowed(routes: readonly Route[]): Refusal {
  const methods = routes.flatMap(({ method }) => (method === "GET" ? ["GET", "HEAD"] : [method]));
  const allow = [...new Set(methods)].join(", ");
  return { status: 405, reason: `method not allowed: this path takes ${allow}`, headers: { allow } };
}

function scopeRefusal({ policy, method, path }: Route, { origin, scope }: Caller): Refusal | null {
  if (policy === "any" || covers(scope, policy)) return null;
  return {
    status: 403,
    reason: `the token ${origin} has the scope ${scope}, which does not cover ${method} ${path}; that needs a token with --scope ${policy}`,
    headers: { "www-authenticate": 'Bearer realm="agent-event-bus", error="insufficient_scope"' },
  };
}

async function withoutBody(answer: Response): Promise<Response> {
  const { status, headers } = answer;
  const { byteLength } = await answer.arrayBuffer();
  headers.set("content-length", String(byteLength));
  return new Response(null, { status, headers });
}

function written({ status, reason: error, headers = {} }: Refusal): Response {
  return Response.json({ error }, { status, headers });
}
