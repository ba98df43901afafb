import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { openTokens } from "../../../src/tokens/token_files.ts";
import {
  asLines,
  FORWARDING,
  type Headers_,
  LOGINS,
  METHODS,
  ORDINARY,
  originOf,
  type Row,
  SERVED,
} from "../../support/access.ts";
import { newest, stored } from "../../support/agent.ts";
import { type Kind, type ProcessBus, startBus } from "../../support/bus.ts";
import { removeFolders } from "../../support/folder.ts";
import { SERVE_SETS } from "../../support/proxies.ts";
import { post, type RawAnswer, raw } from "../../support/raw.ts";
import { call } from "../../support/strangers.ts";

const CALL = call("publish_event", { event_type: "note", payload: "hello" });
const OK = 200;
const AT_ONCE = 8;
const isServes = (name: string) => SERVE_SETS.includes(name);

const HEADS: Record<string, readonly Row<string | string[] | null>[]> = {
  host: [
    ["127.0.0.1", OK],
    ["[::1]:8080", OK],
    ["evil.example", 421],
    ["127.0.0.1@evil.example", 400],
  ],
  origin: [
    [null, OK],
    ["http://localhost:3000", OK],
    ["http://evil.example", 403],
  ],
  "sec-fetch-site": [
    [null, OK],
    ["cross-site", 403],
  ],
  "content-type": [
    ["application/json", OK],
    ["text/plain", 415],
    [null, 415],
  ],
};

for (const kind of ["binary", "node"] as Kind[])
  describe(`${kind}: a real bus on loopback`, () => {
    let bus: ProcessBus;
    let token = "";
    beforeAll(async () => {
      bus = await startBus(kind, { outlives: true });
      token = openTokens(bus.db, Date.now).create("laptop", "full", null)?.secret ?? "";
    });
    afterAll(async () => {
      await bus.kill();
      removeFolders();
    });

    async function ask(headers: Headers_, line = "POST /mcp HTTP/1.1"): Promise<RawAnswer> {
      const answer = await raw(bus.port, post(line.startsWith("POST") ? CALL : "", asLines(headers), line));
      expect(answer.head).not.toMatch(/^access-control-/im);
      expect([answer.status, /^www-authenticate: Bearer /im.test(answer.head)]).toEqual([
        answer.status,
        answer.status === 401,
      ]);
      if (answer.status >= 400) expect(answer.body).toContain('"error"');
      return answer;
    }

    /** The status of a refusal, which stored nothing, or the origin of the event that was stored. */
    async function verdict(headers: Headers_): Promise<number | string> {
      const before = stored(bus).events;
      const { status } = await ask(headers);
      expect(stored(bus).events - before).toBe(status === OK ? 1 : 0);
      return status === OK ? (await newest(bus)).origin : status;
    }

    const bearer = (text: string) => ({ authorization: text.replace("TOKEN", token) });

    test("without a header that tells of a proxy a program of this machine is local", async () => {
      expect(await verdict({})).toBe("local");
      expect(await verdict(ORDINARY)).toBe("local");
    });

    test.each(FORWARDING)("%s is what a proxy sends: 401, but with a token", async (name) => {
      for (const value of ["203.0.113.9", "127.0.0.1", ""])
        expect([value, await verdict({ [name]: value })]).toEqual([value, 401]);
      expect(await verdict({ [name]: "x", ...bearer("Bearer TOKEN") })).toBe("laptop");
      const { [name.toLowerCase()]: value = "x", ...served } = SERVED;
      expect(await verdict({ ...served, [name]: value })).toBe(isServes(name) ? "jo@example.com" : 401);
    });

    for (const [login, status] of LOGINS)
      test(`the login ${JSON.stringify(login).slice(0, 60)} through a proxy: ${status}`, async () => {
        const found = await verdict({ ...SERVED, "tailscale-user-login": login });
        expect(found).toBe(status === OK ? originOf(String(login)) : status);
      });

    const authorizations: [value: string, alone: number | string, proxied: number | string][] = [
      ["Bearer TOKEN", "laptop", "laptop"],
      ["bearer TOKEN", "laptop", "laptop"],
      ["BEARER \t TOKEN", "laptop", "laptop"],
      ["Bearer TOKENx", 401, 401],
      ["Bearer", 401, 401],
      ["Bearer ", 401, 401],
      ['Bearer "TOKEN"', 401, 401],
      ["Bearer:TOKEN", 401, 401],
      ["Bearer TOKEN, Bearer TOKEN", 401, 401],
      ["Bearer TOKEN\r\nauthorization: Bearer TOKEN", 401, 401],
      ["Bearer TOKEN\r\nauthorization: Basic am86am8=", 401, 401],
      ["Basic am86am8=\r\nauthorization: Bearer TOKEN", 401, 401],
      ["\r\nauthorization: Bearer TOKENx", 401, 401],
      ["Bearer \u00e9", 401, 401],
      ["Basic am86am8=", "local", "jo@example.com"],
      ["Token TOKEN", "local", "jo@example.com"],
      ["", "local", "jo@example.com"],
    ];
    test.each(authorizations)("Authorization: %j", async (value, alone, proxied) => {
      expect(await verdict(bearer(value.replaceAll("TOKEN", token)))).toBe(alone);
      expect(await verdict({ ...SERVED, ...bearer(value.replaceAll("TOKEN", token)) })).toBe(proxied);
      const { "tailscale-user-login": _, ...nobody } = SERVED;
      const stranger = typeof alone === "number" || alone === "local" ? 401 : alone;
      expect(await verdict({ ...nobody, ...bearer(value.replaceAll("TOKEN", token)) })).toBe(stranger);
    });

    test("Funnel is refused with 403, also with a good token or a login", async () => {
      for (const more of [{}, SERVED, bearer("Bearer TOKEN")])
        for (const value of ["?1", ""])
          expect(await verdict({ ...more, "tailscale-funnel-request": value })).toBe(403);
    });

    test("/health and paths that lead nowhere are guarded as /mcp is", async () => {
      const statusOf = async (line: string, headers: Headers_) => (await ask(headers, line)).status;
      for (const path of ["/health", "/nothing", "/api/answer", "//mcp", "/mcp/", "/health?x=1", "/%6dcp"])
        for (const method of ["GET", "OPTIONS", "PUT", "DELETE", "PATCH", "TRACE"]) {
          const line = `${method} ${path} HTTP/1.1`;
          expect([line, await statusOf(line, { "x-forwarded-for": "x" })]).toEqual([line, 401]);
          expect([line, await statusOf(line, { authorization: "Bearer x" })]).toEqual([line, 401]);
          expect([line, await statusOf(line, { host: "evil.example" })]).toEqual([line, 421]);
          expect([line, await statusOf(line, { origin: "null" })]).toEqual([line, 403]);
          expect([line, await statusOf(line, { "tailscale-funnel-request": "?1" })]).toEqual([line, 403]);
        }
      expect(await statusOf("GET /health HTTP/1.1", {})).toBe(OK);
      expect(await statusOf("GET /nothing HTTP/1.1", {})).toBe(404);
    });

    test("the page's files need a host of the bus, and no sender", async () => {
      const statusOf = async (headers: Headers_) => (await ask(headers, "GET / HTTP/1.1")).status;
      for (const sender of [{}, { "x-forwarded-for": "x" }, { authorization: "Bearer x" }]) {
        expect(await statusOf(sender)).toBe(OK);
        expect(await statusOf({ ...sender, host: "evil.example" })).toBe(421);
        // The runtime refuses it before the bus does.
        const nameless = post("", asLines({ ...sender, host: null }), "GET / HTTP/1.1");
        expect((await raw(bus.port, nameless)).status).toBe(400);
        expect(await statusOf({ ...sender, origin: "null" })).toBe(403);
        expect(await statusOf({ ...sender, "tailscale-funnel-request": "?1" })).toBe(403);
        const linked = { ...sender, "sec-fetch-site": "cross-site" };
        expect(await statusOf({ ...linked, "sec-fetch-dest": "document" })).toBe(OK);
        for (const part of ["iframe", "script", "image", "empty"])
          expect(await statusOf({ ...linked, "sec-fetch-dest": part })).toBe(403);
      }
    });

    test("an upgrade of the connection passes no guard", async () => {
      const upgrade = { connection: "upgrade", "sec-websocket-version": "13", "x-forwarded-for": "x" };
      for (const to of ["websocket", "h2c", "tls/1.2"])
        for (const path of ["/mcp", "/health", "/api/answer"]) {
          const headers = { ...upgrade, upgrade: to, "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==" };
          expect((await ask(headers, `GET ${path} HTTP/1.1`)).status).toBe(401);
        }
    });

    test("Host × Origin × site × type × method × headers: the first that is wrong decides", async () => {
      const { "tailscale-user-login": _, ...nobody } = SERVED;
      const who: [headers: Headers_, status: number][] = [
        [{}, OK],
        [SERVED, OK],
        [nobody, 401],
        [{ ...SERVED, "tailscale-user-login": ["jo@example.com", "eve@example.com"] }, 400],
        [{ ...nobody, ...bearer("Bearer TOKEN") }, OK],
        [bearer("Bearer wrong"), 401],
        [{ ...SERVED, ...bearer("Bearer TOKEN"), "tailscale-funnel-request": "?1" }, 403],
      ];
      let combinations: { headers: Headers_; wrong: number[] }[] = who.map(([headers, status]) => ({
        headers,
        wrong: [status],
      }));
      // The last one is looked at first.
      for (const [name, rows] of Object.entries(HEADS).reverse())
        combinations = combinations.flatMap(({ headers, wrong }) =>
          rows.map(([value, status]) => ({
            headers: { ...headers, [name]: value },
            wrong: [status, ...wrong],
          })),
        );
      const cases = combinations.flatMap(({ headers, wrong }) =>
        METHODS.map(([method, status]) => {
          // Only a POST needs a type.
          const looked = method === "POST" ? wrong : wrong.toSpliced(Object.keys(HEADS).length - 1, 1);
          return { method, headers, expected: looked.find((one) => one !== OK) ?? status };
        }),
      );
      const before = stored(bus).events;
      const counts: Record<number, number> = {};
      while (cases.length > 0)
        await Promise.all(
          cases.splice(0, AT_ONCE).map(async ({ method, headers, expected }) => {
            const { status } = await ask(headers, `${method} /mcp HTTP/1.1`);
            expect([method, headers, status]).toEqual([method, headers, expected]);
            counts[status] = (counts[status] ?? 0) + 1;
          }),
        );
      console.log(`${kind}: answers by status: ${JSON.stringify(counts)}`);
      expect(stored(bus).events - before).toBe(counts[OK] ?? 0);
      expect(counts[OK]).toBe(2 * 2 * 3);
    });
  });
