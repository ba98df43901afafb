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
  const patterns = routes.map((route) => ({ route, segments: route.path.split("/") }));
  const app = new Elysia(adapter && { adapter });
  // Hot path: Elysia only listens. Its router and context would cost a twelfth of a publish.
  app.wrap((_, request) => () => answer(request) as never);
  return app;

  async function answer(request: Request): Promise<Response> {
    try {
      const path = pathOf(request.url);
      const here: { route: Route; params: Params }[] = [];
      for (const { route, segments } of patterns) {
        const params = paramsIn(path, segments);
        if (params !== null) here.push({ route, params });
      }
      const found = here.find(({ route }) => takes(route.method, request.method));
      const verdict = await guard.check(request, found?.route);
      if ("status" in verdict) return written(verdict);
      if (found === undefined) return written(unknown(here.map(({ route }) => route)));
      const refusal = scopeRefusal(found.route, verdict);
      if (refusal === null) return await handled(found.route, request, verdict, found.params);
      refused(verdict.origin, refusal);
      return written(refusal);
    } catch (error) {
      unexpected(error);
      return written({ status: 500, reason: "Unexpected error in the bus. Its log has the details." });
    }
  }

  function unknown(here: readonly Route[]): Refusal {
    const methods = here.flatMap(({ method }) => (method === "GET" ? ["GET", "HEAD"] : [method]));
    const allow = methods.join(", ");
    if (here.length > 0 && here.every(({ otherMethods }) => otherMethods !== 404))
      return { status: 405, reason: `Method not allowed. This path accepts ${allow}.`, headers: { allow } };
    const paths = [...new Set(routes.flatMap(({ path, unnamed }) => (unnamed ? [] : [path])))];
    const listed = `${paths.slice(0, -1).join(", ")} and ${paths.at(-1)}`;
    return { status: 404, reason: `Not found. The bus answers at ${listed}.` };
  }
}

/** The segments of a URL's path, without one final slash. */
function pathOf(url: string): string[] {
  const [path = ""] = url.slice(url.indexOf("/", "http://".length)).split("?", 1);
  return (path.length > 1 && path.endsWith("/") ? path.slice(0, -1) : path).split("/");
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

function takes(method: Route["method"], asked: string): boolean {
  return method === "ALL" || method === (asked === "HEAD" ? "GET" : asked);
}

async function handled(route: Route, request: Request, caller: Caller, params: Params): Promise<Response> {
  const answer = await route.handle(request, caller, params);
  if (request.method !== "HEAD") return answer;
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
