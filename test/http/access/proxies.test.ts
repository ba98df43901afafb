import { describe, expect, test } from "bun:test";
import { aRequest, type Headers_, SERVED } from "../../support/access.ts";
import { createIdentities, from, guardAt } from "../../support/identity.ts";
import { OF_PROGRAMS, OF_PROXIES, PROXIES, SERVE_SETS } from "../../support/proxies.ts";

const { tokens } = createIdentities();
const guard = guardAt({ tokens });

/** The status or the origin that the whole guard gives to a request from loopback. */
async function verdict(headers: Headers_): Promise<number | string> {
  const found = await guard.check(from("127.0.0.1", aRequest(headers)));
  return "status" in found ? found.status : found.origin;
}

const BOSS = "boss@example.com";
/** What anyone can type, through a proxy that hands on what its clients send. */
const TYPED = { "x-forwarded-for": "100.64.0.7", "tailscale-user-login": BOSS };
const isServes = (name: string) => SERVE_SETS.includes(name);
/** With the values of SERVED where `tailscale serve` sets the header. */
const withNames = (...names: string[]): Headers_ =>
  Object.fromEntries(names.map((name) => [name.toLowerCase(), SERVED[name.toLowerCase()] ?? "203.0.113.9"]));

describe("a request from loopback with a header that a proxy sets", () => {
  for (const [proxy, names] of Object.entries(PROXIES))
    test(`is its client's, never local, and a login beside it counts for nothing: ${proxy}`, async () => {
      for (const name of names.split(/\s+/)) {
        for (const value of ["127.0.0.1", "203.0.113.9", "x", ""])
          expect([name, await verdict({ [name]: value })]).toEqual([name, 401]);
        if (isServes(name)) continue;
        expect([name, await verdict({ ...TYPED, [name]: "x" })]).toEqual([name, 401]);
        expect([name, await verdict({ ...SERVED, [name]: "x" })]).toEqual([name, 401]);
        expect([name, await verdict({ [name]: "1.2.3.4", "tailscale-user-login": BOSS })]).toEqual([
          name,
          401,
        ]);
      }
    });

  test("every pair of them, with a typed login: it counts where `tailscale serve` sets both, and nowhere else", async () => {
    let served = 0;
    let pairs = 0;
    for (const [i, one] of OF_PROXIES.entries())
      for (const other of OF_PROXIES.slice(i + 1)) {
        pairs++;
        const expected = isServes(one) && isServes(other) ? BOSS : 401;
        const found = await verdict({ ...withNames(one, other), ...TYPED });
        if (found !== expected) expect([one, other, found]).toEqual([one, other, expected]);
        if (found === BOSS) served++;
      }
    console.log(`${OF_PROXIES.length} headers, ${pairs} pairs: ${served} of tailscale serve alone`);
    expect(served).toBe((SERVE_SETS.length * (SERVE_SETS.length - 1)) / 2);
  });

  test("a refusal names the header, so that a program can leave it out", async () => {
    const found = guard.check(from("127.0.0.1", aRequest({ ...SERVED, "X-Real-IP": "1.2.3.4" })));
    expect(found).toMatchObject({
      status: 401,
      reason: expect.stringContaining("the header x-real-ip comes from a proxy"),
    });
  });
});

test.each(OF_PROGRAMS)("%s is what programs send: it makes nobody a proxy's client", async (name) => {
  const value =
    aRequest().headers.get(name) ??
    { origin: "http://localhost", "sec-fetch-site": "none", "content-encoding": "identity" }[
      name.toLowerCase()
    ] ??
    "x";
  expect(await verdict({ [name.toLowerCase()]: value })).toBe("local");
  expect(await verdict({ ...SERVED, [name.toLowerCase()]: value })).toBe("jo@example.com");
});

describe("the login of a request from loopback", () => {
  const rows: [what: string, headers: Headers_, who: number | string][] = [
    ["as `tailscale serve` sends it", SERVED, "jo@example.com"],
    ["with capabilities of an app", { ...SERVED, "Tailscale-App-Capabilities": "{}" }, "jo@example.com"],
    ["over plain HTTP", { ...SERVED, "x-forwarded-proto": null }, "jo@example.com"],
    ["from an IPv6 address", { ...SERVED, "x-forwarded-for": "fd7a:115c:a1e0::7" }, "jo@example.com"],
    ["without a client's address", { ...SERVED, "x-forwarded-for": null }, 401],
    ["alone", { "tailscale-user-login": BOSS }, 401],
    ["with an empty address", { ...SERVED, "x-forwarded-for": "" }, 401],
    ["with an address of the internet", { ...SERVED, "x-forwarded-for": "203.0.113.9" }, 401],
    ["with two addresses", { ...SERVED, "x-forwarded-for": "100.64.0.7, 100.64.0.8" }, 401],
    ["with two headers of addresses", { ...SERVED, "x-forwarded-for": ["100.64.0.7", "100.64.0.8"] }, 401],
    ["with an address and a port", { ...SERVED, "x-forwarded-for": "100.64.0.7:1" }, 401],
    ["beside X-Real-IP", { ...SERVED, "x-real-ip": "100.64.0.7" }, 401],
    ["beside Via", { ...SERVED, via: "1.1 caddy" }, 401],
    ["beside Forwarded", { ...SERVED, forwarded: "for=100.64.0.7" }, 401],
    ["beside an underscore", { ...SERVED, x_real_ip: "1.2.3.4" }, 401],
    ["twice", { ...SERVED, "tailscale-user-login": [BOSS, "jo@example.com"] }, 400],
  ];
  test.each(rows)("%s", async (_, headers, who) => {
    expect(await verdict(headers)).toBe(who);
  });
});
