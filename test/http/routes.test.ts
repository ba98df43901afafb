import { describe, expect, test } from "bun:test";
import type { Scope } from "../../src/domain/caller.ts";
import { createApp } from "../../src/http/app.ts";
import { createRoutes, type Policy, type Route } from "../../src/http/routes.ts";
import { STREAM, StreamedBody } from "../../src/http/sse.ts";
import { aRequest, type Headers_, SERVED } from "../support/access.ts";
import { createIdentities, from, guardAt } from "../support/identity.ts";

const { tokens, secret } = createIdentities();
const reader = tokens.create("reader", "read", null)?.secret ?? "";
const answerer = tokens.create("phone", "answer", null)?.secret ?? "";
const bearer = (text: string) => ({ authorization: `Bearer ${text}` });

/** Who asks, and the scope with which the guard lets them in, or the status of its refusal. */
const CALLERS: [who: string, address: string | null, headers: Headers_, outcome: Scope | number][] = [
  ["a program of this machine", "127.0.0.1", {}, "full"],
  ["a login through tailscale serve", "::1", SERVED, "full"],
  ["a tailnet login", "100.64.0.7", {}, "full"],
  ["a full token", "203.0.113.9", bearer(secret.laptop), "full"],
  ["a publish token", "203.0.113.9", bearer(secret.ci), "publish"],
  ["a read token", "127.0.0.1", bearer(reader), "read"],
  ["an answer token", "203.0.113.9", bearer(answerer), "answer"],
  ["a stranger", "203.0.113.9", {}, 401],
  ["an unknown peer", null, {}, 401],
  ["a stranger with a forged login", "203.0.113.9", SERVED, 401],
  ["a wrong token", "127.0.0.1", bearer("aeb_wrong"), 401],
  ["an expired token", "127.0.0.1", bearer(secret.old), 401],
  ["a revoked token", "127.0.0.1", bearer(secret.gone), 401],
  ["a proxy without a login", "127.0.0.1", { via: "x" }, 401],
  ["the internet", "127.0.0.1", { ...bearer(secret.laptop), "tailscale-funnel-request": "?1" }, 403],
  ["a rebound name", "127.0.0.1", { host: "evil.example" }, 421],
  ["two hosts", "127.0.0.1", { host: ["127.0.0.1", "localhost"] }, 400],
  ["a page of another origin", "127.0.0.1", { origin: "http://evil.example" }, 403],
  ["another site", "127.0.0.1", { "sec-fetch-site": "cross-site" }, 403],
];

const NAMES: Partial<Record<Scope, string>> = { publish: "ci", read: "reader", answer: "phone" };

const COVERED: Record<Policy, readonly Scope[]> = {
  any: ["full", "publish", "read", "answer"],
  full: ["full"],
  publish: ["full", "publish"],
  read: ["full", "read", "answer"],
};

const own = createRoutes({
  mcp: async () => new Response("mcp"),
  page: async () => new Response("page"),
  signIn: async () => new Response("sign in"),
  signOut: () => new Response("sign out"),
  call: async () => new Response("call"),
  reads: { needs: () => new Response("needs") },
  metrics: async () => new Response("metrics"),
  stream: async () => new Response("stream"),
  button: async () => new Response("button"),
  inbound: { handle: () => new Response("in"), isPublic: false },
  health: () => new Response("health"),
});
const policies = Object.keys(COVERED) as Policy[];
/** Routes as a later list may hold them, of every policy, method and body. */
const later = policies.flatMap((policy): Route[] => [
  { method: "GET", path: `/get/${policy}`, policy, body: "none", handle: () => new Response(policy) },
  { method: "POST", path: `/json/${policy}`, policy, body: "json", handle: () => new Response(policy) },
  { method: "POST", path: `/empty/${policy}`, policy, body: "none", handle: () => new Response(policy) },
  {
    ...{ method: "GET", path: `/of/:source/${policy}`, policy, body: "none" },
    handle: (_request, { origin }, { source }) => new Response(`${origin} ${source}`),
  },
]);
/** Never ends. */
const stream: Route = {
  ...{ method: "GET", path: "/stream", policy: "read", body: "none" },
  handle: () => new Response(new StreamedBody(() => {}).readable, { headers: STREAM }),
};
const routes = [...own, ...later, stream];

let handled = 0;
const refusedByPolicy: string[] = [];
const app = createApp({
  routes: routes.map((route) => ({
    ...route,
    handle(...args) {
      handled++;
      return route.handle(...args);
    },
  })),
  guard: guardAt({ tokens }),
  refused: (who) => refusedByPolicy.push(who),
  unexpected(error) {
    throw error;
  },
});

async function ask(address: string | null, method: string, path: string, headers: Headers_ = {}) {
  handled = 0;
  const answer = await app.fetch(from(address, aRequest(headers, method, path)));
  expect([...answer.headers.keys()].filter((name) => name.startsWith("access-control-"))).toEqual([]);
  expect(handled).toBe(answer.status === 200 ? 1 : 0);
  return answer;
}

const methodOf = ({ method }: Route) => (method === "ALL" ? "POST" : method);

describe("every route × every caller", () => {
  let cases = 0;
  for (const route of routes)
    test(`${route.method} ${route.path}, ${route.policy}`, async () => {
      for (const [who, address, headers, outcome] of CALLERS) {
        const answer = await ask(address, methodOf(route), route.path, headers);
        // Such a route needs no sender, and refuses by the head alone.
        const isOpen = route.anyone === true && outcome === 401;
        const mayCome = isOpen || (typeof outcome === "string" && COVERED[route.policy].includes(outcome));
        const expected = typeof outcome === "number" && !isOpen ? outcome : mayCome ? 200 : 403;
        expect([who, answer.status]).toEqual([who, expected]);
        if (typeof outcome === "string" && !mayCome) {
          expect(answer.headers.get("www-authenticate")).toContain('error="insufficient_scope"');
          expect(((await answer.json()) as { error: string }).error).toContain(
            `Use a token with the scope ${route.policy}`,
          );
          expect(refusedByPolicy.pop()).toBe(NAMES[outcome]);
        }
        cases++;
      }
    });

  test("no caller learns from a path or a method that leads nowhere", async () => {
    for (const [who, address, headers, outcome] of CALLERS)
      for (const [method, path, status] of [
        ["GET", "/nothing", 404],
        ["DELETE", "/get/any", 405],
        ["PUT", "/health", 404],
      ] as const) {
        const answer = await ask(address, method, path, headers);
        expect([who, path, answer.status]).toEqual([
          who,
          path,
          typeof outcome === "number" ? outcome : status,
        ]);
      }
    console.log(`${routes.length} routes × ${CALLERS.length} callers: ${cases} cases`);
  });
});

describe("methods and paths follow from the list", () => {
  const rows: [method: string, path: string, status: number, allow: string | null][] = [
    ["GET", "/get/any", 200, null],
    ["GET", "/get/any/", 200, null],
    ["GET", "/get/any?x=/", 200, null],
    ["GET", "/get/any//", 404, null],
    ["GET", "//get/any", 404, null],
    ["GET", "/GET/any", 404, null],
    ["GET", "/get/%61ny", 404, null],
    ["GET", "/get/any/more", 404, null],
    ["HEAD", "/get/any", 200, null],
    ["POST", "/get/any", 405, "GET, HEAD"],
    ["OPTIONS", "/get/any", 405, "GET, HEAD"],
    ["GET", "/json/any", 405, "POST"],
    ["HEAD", "/json/any", 405, "POST"],
    ["DELETE", "/mcp", 200, null],
    ["HEAD", "/health", 200, null],
    ["POST", "/health", 404, null],
    ["OPTIONS", "/health", 404, null],
    ["GET", "/", 200, null],
    ["POST", "/", 404, null],
    ["GET", "/page", 404, null],
    ["GET", "/api/answer", 405, "POST"],
    ["GET", "/api/a/b", 404, null],
    ["GET", "/of/github/any", 200, null],
    ["GET", "/of//any", 200, null],
    ["GET", "/of/a/b/any", 404, null],
  ];
  test.each(rows)("%s %s: %d", async (method, path, status, allow) => {
    const answer = await ask("127.0.0.1", method, path);
    expect([answer.status, answer.headers.get("allow")]).toEqual([status, allow]);
    if (status === 404)
      expect(((await answer.json()) as { error: string }).error).toStartWith(
        "Not found. The bus answers at /mcp, /health",
      );
  });

  test("a segment with a name is handed to the handler as it stands in the URL", async () => {
    expect(await (await ask("127.0.0.1", "GET", "/of/git%2fhub/any")).text()).toBe("local git%2fhub");
  });

  test("HEAD is answered with the head of GET", async () => {
    const head = await ask("127.0.0.1", "HEAD", "/get/any");
    expect([head.headers.get("content-length"), await head.text()]).toEqual(["3", ""]);
    const stream = await ask("127.0.0.1", "HEAD", "/stream");
    expect([stream.headers.get("content-type"), await stream.text()]).toEqual([STREAM["content-type"], ""]);
  });
});

describe("the body's kind decides which Content-Type a POST needs", () => {
  const rows: [path: string, type: string | null, status: number][] = [
    ["/json/any", "application/json; charset=utf-8", 200],
    ["/json/any", "text/plain", 415],
    ["/json/any", null, 415],
    ["/empty/any", null, 200],
    ["/empty/any", "text/plain", 200],
    ["/nothing", "application/json", 404],
    ["/nothing", "text/plain", 415],
    ["/health", "text/plain", 415],
  ];
  test.each(rows)("POST %s with %p: %d", async (path, type, status) => {
    expect((await ask("127.0.0.1", "POST", path, { "content-type": type })).status).toBe(status);
  });
});

test("a route without a policy, a body or a handler does not compile", () => {
  const handle = () => new Response();
  const whole: Route = { method: "GET", path: "/open", policy: "read", body: "none", handle };
  // @ts-expect-error no policy
  const noPolicy: Route = { method: "GET", path: "/open", body: "none", handle };
  // @ts-expect-error an unknown policy
  const unknown: Route = { ...whole, policy: "public" };
  // @ts-expect-error undefined is not a policy
  const undefinedPolicy: Route = { ...whole, policy: undefined };
  // @ts-expect-error no kind of body
  const noBody: Route = { method: "GET", path: "/open", policy: "read", handle };
  // @ts-expect-error no handler
  const noHandler: Route = { method: "GET", path: "/open", policy: "read", body: "none" };
  expect([noPolicy, unknown, undefinedPolicy, noBody, noHandler]).toHaveLength(5);
});

test("an error of a handler is answered with 500 and logged", async () => {
  const errors: unknown[] = [];
  const broken = new Error("broken");
  const failing = (handle: Route["handle"]): Route => ({ ...later[0], handle }) as Route;
  for (const handle of [
    () => {
      throw broken;
    },
    () => Promise.reject(broken),
  ]) {
    const one = createApp({
      routes: [failing(handle)],
      guard: guardAt({ tokens }),
      refused() {},
      unexpected: (error) => errors.push(error),
    });
    const answer = await one.fetch(from("127.0.0.1", aRequest({}, "GET", "/get/any")));
    expect([answer.status, await answer.json()]).toEqual([
      500,
      { error: "Unexpected error in the bus. Its log has the details." },
    ]);
  }
  expect(errors).toEqual([broken, broken]);
});
