import { describe, expect, test } from "bun:test";
import { createReport } from "../../../src/http/access/refusal.ts";
import { aRequest, LOGINS, ORDINARY, SERVED } from "../../support/access.ts";
import { createIdentities, guardAt, LOOPBACK, NOW, STRANGERS, TAILNET } from "../../support/identity.ts";

const { tokens, secret, verdict } = createIdentities();

describe("AGENT_EVENT_BUS_REQUIRE_TOKEN", () => {
  const shared = { onlyTokens: true };
  test("a program of this machine needs a token, and cannot pretend to be a proxy with a login", async () => {
    for (const address of LOOPBACK)
      for (const headers of [
        {},
        ORDINARY,
        SERVED,
        { "tailscale-user-login": "jo@example.com" },
        { via: "x" },
      ])
        expect([headers, await verdict(address, headers, shared)]).toEqual([headers, 401]);
    expect(await verdict("127.0.0.1", { authorization: `Bearer ${secret.laptop}` }, shared)).toBe("laptop");
  });
  test("other machines need one too, also with a login that tailscaled confirms", async () => {
    for (const [address] of TAILNET) expect(await verdict(address, {}, shared)).toBe(401);
    for (const address of STRANGERS) expect(await verdict(address, SERVED, shared)).toBe(401);
  });
});

describe("AGENT_EVENT_BUS_TRUST_HEADERS, the original's rule", () => {
  const original = { trustHeaders: true };
  test("every loopback connection is local, and any peer's login is believed", async () => {
    for (const address of LOOPBACK) expect(await verdict(address, SERVED, original)).toBe("local+");
    for (const address of ["203.0.113.9", "2001:db8::1", null])
      expect(await verdict(address, { "tailscale-user-login": "jo@example.com" }, original)).toBe(
        "jo@example.com",
      );
    expect(await verdict("203.0.113.9", {}, original)).toBe(401);
    expect(await verdict("203.0.113.9", { "x-forwarded-for": "127.0.0.1" }, original)).toBe(401);
  });
  test("one login, and only those on the list", async () => {
    for (const [login, status] of LOGINS)
      if (status !== 200)
        expect(await verdict("203.0.113.9", { "tailscale-user-login": login }, original)).toBe(status);
    const listed = { ...original, allowedLogins: ["jo@example.com"] };
    expect(await verdict("203.0.113.9", { "tailscale-user-login": "eve@example.com" }, listed)).toBe(403);
  });
});

describe("AGENT_EVENT_BUS_AUTH_DISABLED", () => {
  test("everyone may come, under a name that says that nobody was asked", async () => {
    for (const address of [...STRANGERS, "100.64.0.7"])
      expect(await verdict(address, SERVED, { open: true })).toBe("unverified");
    for (const address of LOOPBACK) {
      expect(await verdict(address, {}, { open: true })).toBe("local+");
      expect(await verdict(address, SERVED, { open: true })).toBe("unverified");
    }
  });
});

describe("the guard", () => {
  const warned: string[] = [];
  let now = NOW;
  const guard = () =>
    guardAt({
      ...{ host: "0.0.0.0", tokens },
      refused: createReport(
        () => now,
        (message) => warned.push(message),
      ),
    });

  test("a request whose peer the runtime does not tell is a stranger's", async () => {
    const request = aRequest();
    expect(await guard().check(request)).toMatchObject({ status: 401 });
    const withToken = aRequest({ authorization: `Bearer ${secret.laptop}` });
    expect(await guard().check(withToken)).toMatchObject({ origin: "laptop", scope: "full", local: false });
  });

  test("the head comes first: a token in a request for another host is not even looked at", async () => {
    const request = aRequest({ host: "evil.example", authorization: `Bearer ${secret.laptop}` });
    expect(await guard().check(request)).toMatchObject({ status: 421 });
  });

  test("it warns once a minute of each peer and status, and never of a token's text", async () => {
    const one = guard();
    warned.length = 0;
    for (let i = 0; i < 100; i++) await one.check(aRequest({ authorization: "Bearer guess" }));
    await one.check(aRequest({ host: "evil.example" }));
    expect(warned.map((line) => /with (\d+)/.exec(line)?.[1])).toEqual(["401", "421"]);
    now += 60_000;
    await one.check(aRequest({ authorization: "Bearer guess" }));
    expect(warned).toHaveLength(3);
    expect(warned.join()).not.toContain("guess");
  });

  test("it warns of five reasons a minute of one peer, whatever that peer tries", async () => {
    const one = guard();
    warned.length = 0;
    for (let i = 0; i < 100; i++) await one.check(aRequest({ host: `evil${i}.example` }));
    expect(warned).toHaveLength(5);
  });
});
