import { describe, expect, test } from "bun:test";
import { LOCAL } from "../../../src/domain/caller.ts";
import { HEAD_RULES, type HeadOptions } from "../../../src/http/access/origin.ts";
import type { Refusal } from "../../../src/http/access/refusal.ts";
import { aRequest, CODINGS, HOSTS, METHODS, ORIGINS, SITES, TYPES } from "../../support/access.ts";
import { createIdentities, guardAt } from "../../support/identity.ts";

const { tokens } = createIdentities();

/** Why the rules about the head refuse a request; null if they do not. */
function checkOf(options: Partial<HeadOptions> = {}): (request: Request) => Refusal | null {
  const guard = guardAt({ tokens, ...options }, [...HEAD_RULES, () => LOCAL]);
  return (request) => {
    const verdict = guard.check(request);
    return "status" in verdict ? verdict : null;
  };
}

const LET_IN = 200;

describe("the head of a request, on loopback", () => {
  const check = checkOf();

  for (const [host, status] of HOSTS)
    test(`Host ${JSON.stringify(host)}: ${status}`, () => {
      expect(check(aRequest({ host }))?.status ?? LET_IN).toBe(status);
    });

  for (const [origin, status] of ORIGINS)
    test(`Origin ${JSON.stringify(origin)}: ${status}`, () => {
      expect(check(aRequest({ origin }))?.status ?? LET_IN).toBe(status);
    });

  for (const [type, status] of TYPES)
    test(`Content-Type ${JSON.stringify(type)}: ${status}, and of a GET it does not matter`, () => {
      expect(check(aRequest({ "content-type": type }))?.status ?? LET_IN).toBe(status);
      expect(check(aRequest({ "content-type": type }, "GET"))).toBeNull();
    });

  for (const [coding, status] of CODINGS)
    test(`Content-Encoding ${JSON.stringify(coding)}: ${status}, and of a GET it does not matter`, () => {
      const refusal = check(aRequest({ "content-encoding": coding }));
      expect(refusal?.status ?? LET_IN).toBe(status);
      if (refusal !== null) expect(refusal.headers).toEqual({ "accept-encoding": "identity" });
      expect(check(aRequest({ "content-encoding": coding }, "GET"))).toBeNull();
    });

  test("every combination is refused for the first thing that is wrong: Host, Origin, site, type", () => {
    let refused = 0;
    let letIn = 0;
    for (const [host, ofHost] of HOSTS)
      for (const [origin, ofOrigin] of ORIGINS)
        for (const [site, ofSite] of SITES)
          for (const [type, ofType] of TYPES)
            for (const [method] of METHODS) {
              const request = aRequest(
                { host, origin, "sec-fetch-site": site, "content-type": type },
                method,
              );
              const wrong = [ofHost, ofOrigin, ofSite, method === "POST" ? ofType : LET_IN];
              const expected = wrong.find((status) => status !== LET_IN) ?? LET_IN;
              const status = check(request)?.status ?? LET_IN;
              if (status !== expected)
                expect([method, host, origin, site, type, status]).toEqual([
                  ...[method, host, origin, site, type],
                  expected,
                ]);
              if (status === LET_IN) letIn++;
              else refused++;
            }
    console.log(`${letIn} combinations let in, ${refused} refused`);
    const good = (rows: readonly (readonly [unknown, number])[]) =>
      rows.filter(([, status]) => status === LET_IN).length;
    const heads = good(HOSTS) * good(ORIGINS) * good(SITES);
    expect(letIn).toBe(heads * (good(TYPES) + (METHODS.length - 1) * TYPES.length));
  });
});

describe("the names of a bus that listens for other machines", () => {
  const lan = checkOf({ host: "192.168.1.7" });
  const everywhere = checkOf({ host: "0.0.0.0", machine: () => "ThinkPad" });
  const everywhere6 = checkOf({ host: "::" });
  const lan6 = checkOf({ host: "fd00::7" });
  const long6 = checkOf({ host: "FD00:0:0::7" });
  const mapped = checkOf({ host: "::ffff:127.0.0.1" });
  const named = checkOf({ host: "bus.example", allowedHosts: ["box.tail1234.ts.net"] });

  const rows: [name: string, check: typeof lan, host: string, status: number][] = [
    ["a LAN address", lan, "192.168.1.7:8080", LET_IN],
    ["a LAN address", lan, "thinkpad:8080", LET_IN],
    ["a LAN address", lan, "THINKPAD", LET_IN],
    ["a LAN address", lan, "127.0.0.1", LET_IN],
    ["a LAN address", lan, "192.168.1.8", 421],
    ["a LAN address", lan, "0.0.0.0", 421],
    ["a LAN address", lan, "thinkpad.evil.example", 421],
    ["every address", everywhere, "192.168.1.8", LET_IN],
    ["every address", everywhere, "[fd00::1]:8080", LET_IN],
    ["every address", everywhere, "thinkpad", LET_IN],
    ["every address", everywhere, "evil.example", 421],
    ["every address", everywhere, "1.2.3.4.evil.example", 421],
    ["every address", everywhere, "user@192.168.1.8", 400],
    ["every IPv6 address", everywhere6, "[fd00::1]", LET_IN],
    ["every IPv6 address in a long form", checkOf({ host: "0:0::0" }), "[fd00::1]", LET_IN],
    ["every address in a short form", checkOf({ host: "0" }), "192.168.1.8", LET_IN],
    ["every IPv6 address", everywhere6, "192.168.1.8", LET_IN],
    ["an IPv6 address", lan6, "[fd00::7]:8080", LET_IN],
    ["an IPv6 address", lan6, "[fd00::8]", 421],
    ["an IPv6 address", lan6, "192.168.1.8", 421],
    ["an IPv6 address in a long form", long6, "[fd00:0:0::7]", LET_IN],
    ["an IPv6 address in a long form", long6, "[fd00::7]", LET_IN],
    ["loopback mapped into IPv6", mapped, "[::ffff:127.0.0.1]:8080", LET_IN],
    ["loopback mapped into IPv6", mapped, "[::ffff:7f00:1]:8080", LET_IN],
    ["loopback mapped into IPv6", mapped, "thinkpad", 421],
    ["a name", named, "bus.example", LET_IN],
    ["a name", named, "box.tail1234.ts.net:443", LET_IN],
    ["a name", named, "other.tail1234.ts.net", 421],
  ];
  test.each(rows)("listening on %s, %#", (_, check, host, status) => {
    expect([host, check(aRequest({ host }))?.status ?? LET_IN]).toEqual([host, status]);
    const origin = `http://${host}`;
    if (status !== 400)
      expect([origin, check(aRequest({ origin }))?.status ?? LET_IN]).toEqual([
        origin,
        status === LET_IN ? LET_IN : 403,
      ]);
  });

  test("its machine's present name is one of its names, and the one that it had at the start still is", () => {
    let name = "First";
    const check = checkOf({ host: "0.0.0.0", machine: () => name });
    const status = (host: string) => check(aRequest({ host }))?.status ?? LET_IN;
    expect([status("first"), status("second")]).toEqual([LET_IN, 421]);
    name = "Second";
    expect([status("first"), status("second"), status("third")]).toEqual([LET_IN, LET_IN, 421]);
  });

  test("its machine's name is no name of a bus on loopback", () => {
    expect(checkOf()(aRequest({ host: "thinkpad" }))?.status).toBe(421);
  });
});
