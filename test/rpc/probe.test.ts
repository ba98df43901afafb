import { expect, test } from "bun:test";
import { join } from "node:path";
import { version } from "../../src/config/client.ts";
import { probe, tryTool } from "../../src/rpc/probe.ts";
import { openTokens } from "../../src/tokens/token_files.ts";
import { formerUrl, startAnswering } from "../support/answering.ts";
import { startBus, startHere } from "../support/bus.ts";
import { tempFolder } from "../support/folder.ts";

test("a bus says its version, how long it runs, and its clock", async () => {
  const bus = await startHere();
  const found = await probe(bus.url, undefined);
  if (found.kind !== "bus") throw new Error(JSON.stringify(found));
  expect(found).toMatchObject({ version, status: "ok", uptimeSeconds: 0 });
  expect(Math.abs(found.clockSkewMs)).toBeLessThan(1_500);
  expect(await probe(bus.url.replace("/mcp", ""), undefined)).toMatchObject({ kind: "bus" });
  expect(await tryTool(bus.url, undefined, "list_sessions")).toMatchObject({ ok: true });
});

test("a bus behind a path is asked beside it", async () => {
  const there = startAnswering(({ url }) =>
    new URL(url).pathname === "/agent-event-bus/health"
      ? Response.json({ service: "agent-event-bus", version: "0.0.1", uptime_seconds: 7, status: "ok" })
      : new Response("", { status: 404 }),
  );
  expect(await probe(`${there.url}/agent-event-bus/mcp`, undefined)).toMatchObject({
    kind: "bus",
    version: "0.0.1",
  });
});

test("a clock that is wrong is noticed", async () => {
  const ahead = startAnswering(() =>
    Response.json(
      { service: "agent-event-bus", version, status: "ok", uptime_seconds: 1 },
      { headers: { date: new Date(Date.now() + 90_000).toUTCString() } },
    ),
  );
  const found = await probe(`${ahead.url}/mcp`, undefined);
  if (found.kind !== "bus") throw new Error(JSON.stringify(found));
  expect(Math.abs(found.clockSkewMs - 90_000)).toBeLessThan(1_500);
});

test("a bus that takes no writes is one, with the reason", async () => {
  const degraded = {
    service: "agent-event-bus",
    version,
    status: "degraded",
    reason: "storage_full",
    uptime_seconds: 3,
  };
  const there = startAnswering(() => Response.json(degraded, { status: 503 }));
  expect(await probe(`${there.url}/mcp`, undefined)).toMatchObject({
    ...{ kind: "bus", status: "degraded", reason: "storage_full", uptimeSeconds: 3 },
  });
});

test("the Python original is known by the version that it does not tell", async () => {
  const there = startAnswering(() => Response.json({ status: "ok", service: "agent-event-bus" }));
  expect(await probe(`${there.url}/mcp`, undefined)).toEqual({ kind: "original" });
});

test("a token that is missing, wrong, expired or revoked is told as the bus tells it", async () => {
  const folder = tempFolder();
  const tokens = openTokens(join(folder, "data.db"), Date.now);
  const bus = await startBus("binary", { folder, env: { AGENT_EVENT_BUS_REQUIRE_TOKEN: "1" } });
  const make = (name: string, ms: number | null = null) => String(tokens.create(name, "full", ms)?.secret);
  const good = make("laptop");
  const gone = make("gone");
  tokens.revoke("gone");
  expect(await probe(bus.url, good)).toMatchObject({ kind: "bus" });
  for (const [token, says] of [
    [undefined, "Requests from 127.0.0.1 need a token"],
    [
      "aeb_wrong",
      "This bus does not know the token. Create one on the bus's machine with: agent-event-bus token create",
    ],
    [make("old", 1), "The token old expired at "],
    [gone, "The token gone was revoked"],
  ] as const) {
    const found = await probe(bus.url, token);
    if (found.kind !== "unauthorized") throw new Error(JSON.stringify(found));
    expect(found.sentence).toStartWith(says);
  }
  const narrow = String(tokens.create("ci", "publish", null)?.secret);
  expect(await tryTool(bus.url, narrow, "list_sessions")).toEqual({
    status: 403,
    reason: expect.stringContaining("has the scope publish, which does not allow list_sessions"),
  });
});

test.each<[what: string, answer: () => Response, found: string]>([
  ["a page", () => new Response("<h1>It  works!\n</h1>"), "HTTP 200: <h1>It works! </h1>"],
  ["nothing", () => new Response(null, { status: 404 }), "HTTP 404"],
  [
    "JSON of something else",
    () => Response.json({ service: "other", version: "1" }),
    'HTTP 200: {"service":"other","version":"1"}',
  ],
  ["a list", () => Response.json([1]), "HTTP 200: [1]"],
  [
    "a way elsewhere",
    () => Response.redirect("https://example.com/login"),
    "HTTP 302, redirected to https://example.com/login",
  ],
  ["another's refusal", () => new Response("who are you?", { status: 401 }), "HTTP 401: who are you?"],
])("%s is a stranger", async (_what, answer, found) => {
  const there = startAnswering(answer);
  expect(await probe(`${there.url}/mcp`, undefined)).toEqual({ kind: "stranger", found });
});

async function sentenceOf(url: string): Promise<string> {
  const found = await probe(url, undefined);
  return found.kind === "nobody" ? found.sentence : JSON.stringify(found);
}

test("where nobody answers the sentence says why", async () => {
  const closed = await formerUrl();
  const { host } = new URL(closed);
  expect(await sentenceOf(closed)).toBe(
    `Nothing is listening at ${host}. Start the bus with: agent-event-bus start`,
  );
  expect(await sentenceOf("http://no-such-machine.invalid:8080/mcp")).toBe(
    'The host name "no-such-machine.invalid" was not found. Check the name in the URL.',
  );
  const plain = startAnswering(() => new Response("hello"));
  const tls = plain.url.replace("http:", "https:");
  expect(await sentenceOf(`${tls}/mcp`)).toBe(
    `${new URL(tls).host} does not speak TLS. Try the URL with http:// in front.`,
  );
  const rude = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: { data: (socket) => void socket.end("hello\r\n\r\n") },
  });
  expect(await sentenceOf(`http://127.0.0.1:${rude.port}/mcp`)).toContain("did not answer like a web server");
  rude.stop(true);
});

test("one that never answers is waited for 3 s", async () => {
  const silent = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  expect(await sentenceOf(`http://127.0.0.1:${silent.port}/mcp`)).toBe(
    `127.0.0.1:${silent.port} did not answer within 3 s. Restart the bus with: agent-event-bus restart`,
  );
  silent.stop(true);
});

const noOpenssl = Bun.which("openssl") === null;
if (noOpenssl) console.log("skipped: a certificate that is not trusted, no command openssl");

test.skipIf(noOpenssl)("a certificate that is not trusted is told as such", async () => {
  const folder = tempFolder();
  const words =
    "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost";
  Bun.spawnSync(["openssl", ...words.split(" "), "-keyout", "key", "-out", "cert"], { cwd: folder });
  const tls = { key: Bun.file(join(folder, "key")), cert: Bun.file(join(folder, "cert")) };
  const there = startAnswering(() => new Response("secret"), tls);
  expect(await sentenceOf(`${there.url}/mcp`)).toMatch(
    /^The certificate of 127\.0\.0\.1:\d+ is not trusted by this machine \([A-Z_]+\)\. /,
  );
});

test("what is no URL of the web is refused", async () => {
  await expect(probe("my-server:8080", undefined)).rejects.toThrow(
    '"my-server:8080" is not a bus URL. Give one like http://',
  );
});
