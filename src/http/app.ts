import { Elysia } from "elysia";
import { type Caller, covers } from "../domain/caller.ts";
import { adapter } from "../runtime/runtime.ts";
import type { Guard } from "./access/guard.ts";
import { httpDenial, type Refusal, type Report } from "./access/refusal.ts";
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
  const app = new Elysia(adapter && { adapter });
  // Hot path: Elysia only listens. Its router and context would cost a twelfth of a publish.
  app.wrap((_, request) => () => answer(request) as never);
  return app;

  async function answer(request: Request): Promise<Response> {
    try {
      const path = pathOf(request.url);
      const found = routeOf(routes, path, request.method);
      const verdict = await guard.check(request, found);
      if ("status" in verdict) return written(verdict);
      if (found === undefined) return written(unknown(path));
      const refusal = scopeRefusal(found, verdict);
      if (refusal === null) {
        const answer = found.handle(request, verdict, paramsIn(path, found.path));
        return await (request.method === "HEAD" ? withoutBody(answer) : answer);
      }
      refused(verdict.origin, refusal);
      return written(refusal);
    } catch (error) {
      unexpected(error);
      return written({ status: 500, reason: "Unexpected error in the bus. Its log has the details." });
    }
  }

  function unknown(asked: string): Refusal {
    const here = routes.filter(({ path }) => matches(asked, path));
    const methods = here.flatMap(({ method }) => (method === "GET" ? ["GET", "HEAD"] : [method]));
    const allow = methods.join(", ");
    if (here.length > 0 && here.every(({ otherMethods }) => otherMethods !== 404))
      return { status: 405, reason: `Method not allowed. This path accepts ${allow}.`, headers: { allow } };
    const paths = [...new Set(routes.flatMap(({ path, unnamed }) => (unnamed ? [] : [path])))];
    const listed = `${paths.slice(0, -1).join(", ")} and ${paths.at(-1)}`;
    return { status: 404, reason: `Not found. The bus answers at ${listed}.` };
  }
}

/** A URL's path, without one final slash. */
function pathOf(url: string): string {
  const start = url.indexOf("/", "http://".length);
  const query = url.indexOf("?", start);
  const end = query < 0 ? url.length : query;
  return url.slice(start, end - start > 1 && url[end - 1] === "/" ? end - 1 : end);
}

/** Hot path: a closure in place of the loop would cost each request three objects. */
function routeOf(routes: readonly Route[], path: string, asked: string): Route | undefined {
  for (const route of routes) if (takes(route.method, asked) && matches(path, route.path)) return route;
  return undefined;
}

/** Hot path: most paths stand in the list as they are. */
function matches(path: string, pattern: string): boolean {
  return path === pattern || (pattern.includes(":") && fits(path.split("/"), pattern.split("/")));
}

function fits(path: readonly string[], pattern: readonly string[]): boolean {
  return (
    path.length === pattern.length && pattern.every((part, i) => part.startsWith(":") || part === path[i])
  );
}

function paramsIn(path: string, pattern: string): Params {
  if (path === pattern) return {};
  const parts = path.split("/");
  const named = pattern
    .split("/")
    .flatMap((part, i) => (part.startsWith(":") ? [[part.slice(1), parts[i] ?? ""]] : []));
  return Object.fromEntries(named);
}

function takes(method: Route["method"], asked: string): boolean {
  return method === "ALL" || method === (asked === "HEAD" ? "GET" : asked);
}

async function withoutBody(whole: Promise<Response> | Response): Promise<Response> {
  const answer = await whole;
  const { status, headers, body } = answer;
  if (headers.get("content-type")?.startsWith("text/event-stream")) await body?.cancel();
  else headers.set("content-length", String((await answer.arrayBuffer()).byteLength));
  return new Response(null, { status, headers });
}

function scopeRefusal({ policy, method, path }: Route, { origin, scope }: Caller): Refusal | null {
  if (policy === "any" || covers(scope, policy)) return null;
  return httpDenial({
    kind: "scope",
    reason: `The token ${origin} has the scope ${scope}, which does not allow ${method} ${path}. Use a token with the scope ${policy}.`,
  });
}

function written({ status, reason: error, headers = {} }: Refusal): Response {
  return Response.json({ error }, { status, headers });
}
