import { expect, test } from "bun:test";
import { asLines, HOSTS, METHODS, ORIGINS, type Row, SITES, TYPES } from "../support/access.ts";
import { stored } from "../support/agent.ts";
import { type Kind, startBus, type TestBus } from "../support/bus.ts";
import { post, raw } from "../support/raw.ts";

const CALL = JSON.stringify({
  jsonrpc: "2.0",
  id: 1,
  method: "tools/call",
  params: { name: "publish_event", arguments: { event_type: "note", payload: "hello" } },
});

const THOUSAND = Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`x-${i}`, "y"]));

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

  function rows(name: string, table: readonly Row<string | string[] | null>[]): void {
    for (const [value, expected] of table)
      test(`${name} ${JSON.stringify(value)}: ${expected}`, async () => {
        const headers = asLines({ [name]: value });
        if (expected === 200) expect(await status(headers)).toBe(200);
        else await refused([expected], headers);
      });
  }

  rows("host", HOSTS);
  rows("origin", ORIGINS);
  rows("sec-fetch-site", SITES);
  rows("content-type", TYPES);

  for (const [method, expected] of METHODS)
    test(`${method}: ${expected}, and no page of another origin may ask whether it may`, async () => {
      const line = `${method} /mcp HTTP/1.1`;
      const send = (headers: Record<string, string>) =>
        raw(target().port, post(method === "POST" ? CALL : "", headers, line));
      expect((await send({})).status).toBe(expected);
      const asked = {
        "access-control-request-method": "POST",
        "access-control-request-headers": "content-type",
      };
      for (const origin of ["http://evil.example", "http://localhost:3000"]) {
        const { status, head } = await send({ origin, ...asked });
        expect(status).toBe(origin.includes("evil") ? 403 : expected);
        expect(head).not.toMatch(/^access-control-/im);
      }
    });

  test("HTTP 1.0 needs a Host too", async () => {
    await refused([400], { host: null }, "POST /mcp HTTP/1.0");
    expect(await status({}, "POST /mcp HTTP/1.0")).toBe(200);
  });

  test("the host of an absolute-form target does not help the Host", () =>
    refused([421], { host: "evil.example" }, "POST http://127.0.0.1/mcp HTTP/1.1"));

  test("the form of a web page is refused", async () => {
    await refused([403], { origin: "http://evil.example", "content-type": "text/plain" });
    await refused([415], { "content-type": "text/plain" });
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
    await refused([421, 400], { host: "x" }, `POST ${path} HTTP/1.1`);
  });

  test.each([
    ["/mcp", 200],
    ["/mcp/", 200],
    ["/mcp?x=1", 200],
    ["/x?y=/mcp", 404],
    ["/x/mcp", 404],
    ["/?y=/mcp", 404],
    ["/xmcp", 404],
  ])("a POST to %s is answered with %d", async (path, expected) => {
    expect(await status({}, `POST ${path} HTTP/1.1`)).toBe(expected);
  });

  test("the gate stands before /health and unknown paths too", async () => {
    for (const line of ["GET /health HTTP/1.1", "GET /nothing HTTP/1.1"])
      expect((await raw(target().port, post("", { host: "evil.example" }, line))).status).toBe(421);
  });

  test.each([
    ["a header of 100 kB", { "x-long": "x".repeat(100_000) }],
    [
      "a thousand headers, the last of which tells of a proxy,",
      { ...THOUSAND, "x-forwarded-for": "203.0.113.9" },
    ],
    ["a length and chunks", { "transfer-encoding": "chunked" }],
    ["a negative length", { "content-length": "-1" }],
    ["a length in words", { "content-length": "many" }],
  ])("%s is refused with 4xx or the connection is closed", (_, headers) =>
    refused([0, 400, 401, 413, 431], headers as Record<string, string>),
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
