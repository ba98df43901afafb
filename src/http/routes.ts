import type { Caller, Scope } from "../domain/caller.ts";
import type { BodyKind } from "./body.ts";
import { buttonPage } from "./button_page.ts";

/**
 * Which callers may use a route, after the guard let them in. A scope admits the callers whose own scope covers it.
 * `any` admits every caller, and the handler checks each call. The user's own shell has no scope `answer`, so `mayAnswer` decides
 * that.
 */
export type Policy = Exclude<Scope, "answer"> | "any";

/** Values of the `:name` segments of a path, as they stand in the URL. */
export type Params = Readonly<Record<string, string>>;

export interface Route {
  /** GET includes HEAD. ALL leaves the choice to the handler. */
  method: "GET" | "POST" | "ALL";
  /** A segment `:name` matches any text. A final slash makes no difference. */
  path: `/${string}`;
  policy: Policy;
  body: BodyKind;
  /** The guard finds the process at the other end (`Caller.process`). Without it, nobody may answer for the user here. */
  proves?: "process";
  /** Status for other methods of this path. 405 with `Allow` if undefined. */
  otherMethods?: 404;
  /** Needs no sender: strangers may use it. */
  anyone?: true;
  /** A sender that proves itself keeps its rights, and strangers may come too, from the internet as well. */
  strangers?: true;
  /** Left out of the sentence about unknown paths. */
  unnamed?: true;
  handle(request: Request, caller: Caller, params: Params): Promise<Response> | Response;
}

export interface Handlers {
  mcp(request: Request, caller: Caller): Promise<Response>;
  /** A file of the page. */
  page(request: Request, caller: Caller, params: Params): Promise<Response>;
  signIn(request: Request, caller: Caller): Promise<Response>;
  signOut(request: Request): Response;
  /** Calls an operation. */
  call(request: Request, caller: Caller, params: Params): Promise<Response>;
  /** The reads of `/api`, by the last word of their path. */
  reads: Readonly<Record<string, Route["handle"]>>;
  /** Numbers for a monitor. */
  metrics(request: Request, caller: Caller): Promise<Response>;
  /** The stream of the page. */
  stream(request: Request, caller: Caller): Promise<Response>;
  button(request: Request, caller: Caller, params: Params): Promise<Response>;
  /** Takes what sources send. `isPublic`: strangers may try. */
  inbound: { handle: Route["handle"]; isPublic: boolean };
  /** Never waits for the store. */
  health(request: Request, caller: Caller): Response;
}

const CALL = { method: "POST", policy: "any", body: "json", unnamed: true } as const;
const READ = { method: "GET", policy: "read", body: "none", unnamed: true } as const;
/** Hold no secret, or give one for a code. */
const OPEN = { policy: "any", anyone: true, unnamed: true } as const;
const PAGE = { ...OPEN, method: "GET", body: "none", otherMethods: 404 } as const;
/** Its handler admits the page and who may answer. */
const STREAM = { method: "GET", policy: "read", body: "none", proves: "process", unnamed: true } as const;
const BUTTON = {
  path: "/answer/:secret",
  policy: "any",
  body: "none",
  proves: "process",
  unnamed: true,
} as const;
const IN = { method: "POST", path: "/in/:source", policy: "publish", body: "any", unnamed: true } as const;
const PUBLIC_IN = { ...IN, policy: "any", strangers: true } as const;

/** Every route of the bus. The rest of HTTP follows from this list in `createApp`. */
export function createRoutes({
  mcp,
  page,
  signIn,
  signOut,
  call,
  reads,
  metrics,
  stream,
  button,
  inbound,
  health,
}: Handlers): readonly Route[] {
  return [
    { method: "ALL", path: "/mcp", policy: "any", body: "json", handle: mcp },
    { ...PAGE, path: "/", handle: page },
    { ...PAGE, path: "/page/:file", handle: page },
    { ...OPEN, method: "POST", path: "/api/sign_in", body: "json", handle: signIn },
    { ...OPEN, method: "POST", path: "/api/sign_out", body: "none", handle: signOut },
    ...Object.entries(reads).map(([name, handle]): Route => ({ ...READ, path: `/api/${name}`, handle })),
    { ...READ, path: "/metrics", handle: metrics },
    { ...CALL, path: "/api/:operation", proves: "process", handle: call },
    { ...STREAM, path: "/api/stream", handle: stream },
    { ...BUTTON, method: "POST", handle: button },
    { ...BUTTON, method: "GET", handle: buttonPage },
    { ...(inbound.isPublic ? PUBLIC_IN : IN), handle: inbound.handle },
    { method: "GET", path: "/health", policy: "any", body: "none", otherMethods: 404, handle: health },
  ];
}
