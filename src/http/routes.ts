import type { Caller, Scope } from "../domain/caller.ts";
import type { BodyKind } from "./body.ts";

/**
 * Which callers may use a route, after the guard let them in. A scope admits the callers whose own scope covers it.
 * `any` admits every caller, and the handler checks each call.
 */
export type Policy = Scope | "any";

/** Values of the `:name` segments of a path, as they stand in the URL. */
export type Params = Readonly<Record<string, string>>;

export interface Route {
  /** GET includes HEAD. ALL leaves the choice to the handler. */
  method: "GET" | "POST" | "ALL";
  /** A segment `:name` matches any text. A final slash makes no difference. */
  path: `/${string}`;
  policy: Policy;
  body: BodyKind;
  /** Status for other methods of this path. 405 with `Allow` if undefined. */
  otherMethods?: 404;
  handle(request: Request, caller: Caller, params: Params): Promise<Response> | Response;
}

export interface Handlers {
  mcp(request: Request, caller: Caller): Promise<Response>;
  /** Never waits for the store. */
  health(): Response;
}

/** Every route of the bus. The rest of HTTP follows from this list in `createApp`. */
export function createRoutes({ mcp, health }: Handlers): readonly Route[] {
  return [
    { method: "ALL", path: "/mcp", policy: "any", body: "json", handle: mcp },
    { method: "GET", path: "/health", policy: "any", body: "none", otherMethods: 404, handle: health },
  ];
}
