import { expect, test } from "bun:test";
import { stored } from "../support/agent.ts";
import { type Kind, startBus, type TestBus } from "../support/bus.ts";
import { post, raw } from "../support/raw.ts";

const CALL = JSON.stringify({
  jsonrpc: "2.0",
  id: 1,
  method: "tools/call",
  params: { name: "publish_event", arguments: { event_type: "note", payload: "hello" } },
});

const GOOD_HOSTS = ["127.0.0.1", "127.0.0.1:8080", "localhost", "LOCALHOST:1", "[::1]", "[::1]:8080"];
const BAD_HOSTS = [
  "evil.example",
  "evil.example:8080",
  "127.0.0.1.evil.example",
  "localhost.evil.example",
  "evil.example:80@127.0.0.1",
  "127.0.0.1@evil.example",
  "127.0.0.1, evil.example",
  "127.0.0.1/evil",
  "localhost.",
  "0.0.0.0",
  "127.0.0.2",
  "2130706433",
  "0x7f.1",
  "::1",
  "[::1",
  "127.0.0.1:99999999",
  "127.0.0.1:",
  "x",
  "",
];

const GOOD_ORIGINS = ["http://127.0.0.1:8080", "http://localhost:3000", "http://[::1]:1"];
const BAD_ORIGINS = [
  "http://evil.example",
  "https://evil.example:8080",
  "http://127.0.0.1.evil.example",
  "http://localhost.evil.example",
  "http://127.0.0.1@evil.example",
  "null",
  "file://",
  "chrome-extension://abcdefghijklmnop",
  "",
  "127.0.0.1",
  "*",
];

/** "Bad input", the head: who may ask at all (DNS rebinding, requests from web pages). */
export function hosts(target: () => TestBus): void {
  async function status(headers: Record<string, string | null>, line?: string): Promise<number> {
    return (await raw(target().port, post(CALL, headers, line))).status;
  }

  async function refused(
    expected: number[],
    headers: Record<string, string | null>,
    line?: string,
  ): Promise<void> {
    const before = stored(target());
    expect(expected).toContain(await status(headers, line));
    expect(stored(target())).toEqual(before);
  }

  for (const host of GOOD_HOSTS)
    test(`the Host ${host} is answered`, async () => {
      expect(await status({ host })).toBe(200);
    });

  for (const host of BAD_HOSTS)
    test(`the Host ${JSON.stringify(host)} is refused`, () => refused([421, 400], { host }));

  test("no Host is refused, in HTTP 1.1 and 1.0", async () => {
    await refused([400, 421], { host: null });
    await refused([400, 421], { host: null }, "POST /mcp HTTP/1.0");
  });

  test("a second Host does not help the first, nor the first the second", async () => {
    await refused([400, 421], { host: "evil.example\r\nhost: 127.0.0.1" });
    const before = stored(target());
    const answer = await status({ host: "127.0.0.1\r\nhost: evil.example" });
    if (answer !== 200) expect([400, 421]).toContain(answer);
    expect(stored(target()).events - before.events).toBe(answer === 200 ? 1 : 0);
  });

  for (const origin of GOOD_ORIGINS)
    test(`the Origin ${origin} is answered`, async () => {
      expect(await status({ origin })).toBe(200);
    });

  for (const origin of BAD_ORIGINS)
    test(`the Origin ${JSON.stringify(origin)} is refused`, () => refused([403], { origin }));

  test.each([
    ["cross-site", 403],
    ["same-site", 403],
    ["same-origin", 200],
    ["none", 200],
  ])("Sec-Fetch-Site: %s is answered %d", async (site, expected) => {
    expect(await status({ "sec-fetch-site": site })).toBe(expected);
  });

  test("the form of a web page is refused, and no page is ever allowed in", async () => {
    await refused([403], { origin: "http://evil.example", "content-type": "text/plain" });
    await refused([415], { "content-type": "text/plain" });
    const preflight = { "access-control-request-method": "POST", origin: "http://evil.example" };
    const { status, head } = await raw(target().port, post("", preflight, "OPTIONS /mcp HTTP/1.1"));
    expect(status).toBe(403);
    expect(head.toLowerCase()).not.toContain("access-control-allow");
  });

  test.each([
    "//mcp",
    "/aa/mcp",
    "/mcp/../mcp/x",
    "/%6dcp/x",
    "/mcp%00",
    "/MCP",
    "mcp",
    "*",
    "/mcp?x=1#y",
    "http://evil.example/mcp",
  ])("the path %s gets no 5xx", async (path) => {
    expect(await status({}, `POST ${path} HTTP/1.1`)).toBeLessThan(500);
    await refused([421, 400, 404], { host: "x" }, `POST ${path} HTTP/1.1`);
  });

  test("the gate stands before /health and unknown paths too", async () => {
    for (const line of ["GET /health HTTP/1.1", "GET /nothing HTTP/1.1"])
      expect((await raw(target().port, post("", { host: "evil.example" }, line))).status).toBe(421);
  });

  test.each([
    ["a header of 100 kB", { "x-long": "x".repeat(100_000) }],
    ["a thousand headers", Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`x-${i}`, "y"]))],
    ["a length and chunks", { "transfer-encoding": "chunked" }],
    ["a negative length", { "content-length": "-1" }],
    ["a length in words", { "content-length": "many" }],
  ])("%s is refused with 4xx or the connection is closed", (_, headers) =>
    refused([0, 400, 413, 431], headers as Record<string, string>),
  );
}

/** AGENT_EVENT_BUS_ALLOWED_HOSTS. */
export function allowedHosts(kind: Kind): void {
  test("a host that is allowed by name is answered, and only that", async () => {
    const bus = await startBus(kind, { env: { AGENT_EVENT_BUS_ALLOWED_HOSTS: "bus.example, X" } });
    const status = async (headers: Record<string, string>) =>
      (await raw(bus.port, post(CALL, headers))).status;
    for (const host of ["bus.example", "bus.example:8080", "BUS.example", "x:1", "x"]) {
      expect([host, await status({ host })]).toEqual([host, 200]);
      expect([host, await status({ host, origin: `https://${host}` })]).toEqual([host, 200]);
    }
    for (const host of ["other.example", "sub.bus.example", "bus.example.evil"])
      expect([host, await status({ host })]).toEqual([host, 421]);
  });
}
