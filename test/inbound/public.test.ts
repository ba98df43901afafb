// AGENT_EVENT_BUS_INBOUND=public: strangers reach POST /in/NAME, and no other route.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Verdict } from "../../src/http/access/authenticate.ts";
import type { GuardOptions } from "../../src/http/access/guard.ts";
import { createRoutes, type Route } from "../../src/http/routes.ts";
import { aRequest, type Headers_, SERVED } from "../support/access.ts";
import { github, type Sent, workflowRun } from "../support/arrivals.ts";
import { bearer } from "../support/callers.ts";
import { createIdentities, from, guardAt } from "../support/identity.ts";
import { closeLan, type Lan, skipsLan, startLan } from "../support/lan.ts";
import { post } from "../support/raw.ts";
import { call } from "../support/strangers.ts";

const { tokens, secret } = createIdentities();
const FUNNEL = { "tailscale-funnel-request": "?1", "x-forwarded-for": "203.0.113.9" };

const routesOf = (isPublic: boolean): readonly Route[] => {
  const none = () => new Response();
  const some = async () => new Response();
  return createRoutes({
    ...{
      mcp: some,
      page: some,
      signIn: some,
      signOut: none,
      call: some,
      reads: { needs: none },
      metrics: some,
    },
    ...{ stream: some, button: some, inbound: { handle: none, isPublic }, health: none },
  });
};

/** Who comes without a proof, and the headers of such a request. */
const STRANGERS: [who: string, address: string | null, headers: Headers_][] = [
  ["a peer elsewhere", "203.0.113.9", {}],
  ["an unknown peer", null, {}],
  ["the internet through Funnel", "127.0.0.1", FUNNEL],
  [
    "the internet through Funnel, with a login",
    "127.0.0.1",
    { ...FUNNEL, "tailscale-user-login": "jo@example.com" },
  ],
  ["the internet through a proxy", "127.0.0.1", { "x-forwarded-for": "203.0.113.9" }],
  ["a peer with a forged login", "203.0.113.9", SERVED],
];

const SETTINGS: [what: string, options: Partial<GuardOptions>][] = [
  ["as it is installed", {}],
  ["that takes tokens alone", { onlyTokens: true }],
];

async function verdictOf(
  route: Route,
  address: string | null,
  headers: Headers_,
  options: Partial<GuardOptions>,
): Promise<Verdict> {
  const method = route.method === "ALL" ? "POST" : route.method;
  return guardAt({ tokens, ...options }).check(from(address, aRequest(headers, method, route.path)), route);
}

describe.each(SETTINGS)("a public bus %s: every route × every stranger", (_, options) => {
  test.each(STRANGERS)("%s", async (_, address, headers) => {
    const open: string[] = [];
    for (const route of routesOf(true)) {
      const verdict = await verdictOf(route, address, headers, { ...options, inbound: "public" });
      if (!("status" in verdict)) open.push(`${route.method} ${route.path}`);
    }
    expect(open).toEqual(["POST /in/:source"]);
  });

  test.each(STRANGERS)("%s may try a source, and do nothing else", async (_, address, headers) => {
    const route = routesOf(true).find(({ path }) => path === "/in/:source") as Route;
    const verdict = await verdictOf(route, address, headers, { ...options, inbound: "public" });
    expect(verdict).toEqual({ origin: "unverified", scope: "read", local: false });
  });
});

test("who can prove to be a sender keeps its rights at a source of a public bus", async () => {
  const route = routesOf(true).find(({ path }) => path === "/in/:source") as Route;
  const by = (address: string, headers: Headers_ = {}) =>
    verdictOf(route, address, headers, { inbound: "public" });
  expect(await by("127.0.0.1")).toMatchObject({ origin: "local", scope: "full", local: true });
  expect(await by("127.0.0.1", SERVED)).toMatchObject({ scope: "full" });
  expect(await by("100.64.0.7")).toMatchObject({ origin: "jo@example.com", scope: "full" });
  expect(await by("203.0.113.9", bearer(secret.ci))).toMatchObject({ origin: "ci", scope: "publish" });
  expect(await by("127.0.0.1", { ...FUNNEL, ...bearer(secret.ci) })).toMatchObject({
    origin: "ci",
    local: false,
  });
  expect(await by("203.0.113.9", bearer("aeb_wrong"))).toMatchObject({ status: 401 });
  expect(await by("127.0.0.1", { origin: "https://evil.example" })).toMatchObject({ status: 403 });
  expect(await by("127.0.0.1", { host: "evil.example" })).toMatchObject({ status: 421 });
});

test("the page stays open to the user of a public bus", async () => {
  const page = routesOf(true).find(({ path }) => path === "/") as Route;
  for (const [address, headers] of [
    ["127.0.0.1", {}],
    ["127.0.0.1", SERVED],
    ["100.64.0.7", {}],
  ] as const)
    expect(await verdictOf(page, address, headers, { inbound: "public" })).not.toHaveProperty("status");
});

test("no stranger reaches a source of a guarded bus", async () => {
  for (const [who, address, headers] of STRANGERS) {
    const route = routesOf(false).find(({ path }) => path === "/in/:source") as Route;
    const verdict = await verdictOf(route, address, headers, {});
    expect([who, "status" in verdict && [401, 403].includes(verdict.status)]).toEqual([who, true]);
  }
});

const BUS = "10.77.9.1";
let lan: Lan;

describe.skipIf(skipsLan("a public bus across a network"))("across two namespaces", () => {
  let hub = "";

  beforeAll(async () => {
    lan = await startLan({
      networks: [[`${BUS}/24`, "10.77.9.2/24"]],
      env: { HOST: "0.0.0.0", AGENT_EVENT_BUS_INBOUND: "public" },
    });
    // Such a command runs where the bus does.
    const add = async (args: Record<string, string>) => {
      const answer = await lan.wire.server.send(
        "127.0.0.1",
        lan.bus.port,
        post(JSON.stringify(args), {}, "POST /api/add_source HTTP/1.1"),
      );
      return JSON.parse(answer.body).secret as string;
    };
    hub = await add({ kind: "github", name: "hub" });
    await add({ kind: "text", name: "cron" });
  });
  afterAll(() => closeLan(lan));

  const at = (path: string, { headers, body }: Sent, method = "POST") =>
    lan.wire.client.send(
      BUS,
      lan.bus.port,
      post(body, { ...headers, host: BUS }, `${method} ${path} HTTP/1.1`),
    );
  const note = call("publish_event", { event_type: "note", payload: "hello" });

  test("a stranger with the secret publishes, and without it does not", async () => {
    const sent = await at("/in/hub", github(hub, "workflow_run", workflowRun()));
    expect([sent.status, JSON.parse(sent.body)]).toEqual([200, { event_id: expect.any(Number) }]);
    const refused = [
      await at("/in/hub", github("other", "workflow_run", workflowRun())),
      await at("/in/nobody", github(hub, "workflow_run", workflowRun())),
      await at("/in/cron", { headers: {}, body: "hello" }),
    ];
    expect(refused.map(({ status }) => status)).toEqual([401, 401, 401]);
    expect(new Set(refused.map(({ body }) => body)).size).toBe(1);
  });

  test("a source without a signature needs a publish token", async () => {
    const by = (name: string) =>
      at("/in/cron", { headers: lan.bearer(name) as Record<string, string>, body: "hello" });
    expect((await by("ci")).status).toBe(200);
    expect((await by("laptop")).status).toBe(200);
    expect([(await by("read")).status, (await by("revoked")).status, (await by("expired")).status]).toEqual([
      401, 401, 401,
    ]);
  });

  test("nothing else answers", async () => {
    for (const [method, path] of [
      ["POST", "/mcp"],
      ["GET", "/mcp"],
      ["GET", "/"],
      ["GET", "/page/page.js"],
      ["POST", "/api/sign_in"],
      ["POST", "/api/list_sources"],
      ["GET", "/api/events"],
      ["GET", "/api/stream"],
      ["GET", "/metrics"],
      ["GET", "/health"],
      ["GET", "/answer/x"],
      ["GET", "/in/hub"],
      ["POST", "/in"],
      ["POST", "/in/hub/x"],
      ["POST", "/nothing"],
    ] as const) {
      const { status, body } = await at(path, { headers: {}, body: note }, method);
      expect([path, status]).toEqual([path, 401]);
      expect(body).toContain("need a token");
    }
  });
});
