import { describe, expect, test } from "bun:test";
import { CLIENTS, FORWARDING, LOGINS, ORDINARY, originOf, SERVED } from "../../support/access.ts";
import { createIdentities, LOOPBACK, STRANGERS, TAILNET } from "../../support/identity.ts";

const { secret, identified, verdict } = createIdentities();

describe("without a credential", () => {
  test.each(LOOPBACK)("%s is this machine", async (address) => {
    expect(await verdict(address, {})).toBe("local+");
    expect(await verdict(address, ORDINARY)).toBe("local+");
    expect(await identified(address, {})).toEqual({ origin: "local", scope: "full", local: true });
  });

  for (const address of STRANGERS)
    test(`${JSON.stringify(address)} is a stranger: 401, whatever headers it forges`, async () => {
      expect(await verdict(address, {})).toBe(401);
      expect(await verdict(address, SERVED)).toBe(401);
      for (const name of FORWARDING)
        expect([name, await verdict(address, { [name]: "127.0.0.1" })]).toEqual([name, 401]);
      for (const [login] of LOGINS)
        expect(await verdict(address, { "tailscale-user-login": login })).toBe(401);
    });

  test.each(TAILNET)("%s is whom tailscaled knows: %p", async (address, who) => {
    expect(await verdict(address, {})).toBe(who);
    expect(await verdict(address, { ...SERVED, "tailscale-user-login": "boss@example.com" })).toBe(who);
  });
});

describe("through a proxy on this machine", () => {
  test.each(FORWARDING)("%s makes a request one of a proxy: 401 without a credential", async (name) => {
    for (const address of LOOPBACK)
      for (const value of ["127.0.0.1", "x", ""]) expect(await verdict(address, { [name]: value })).toBe(401);
  });

  for (const [login, status] of LOGINS)
    test(`the login ${JSON.stringify(login).slice(0, 60)}: ${status}`, async () => {
      const found = await identified("127.0.0.1", { ...SERVED, "tailscale-user-login": login });
      if (status !== 200) expect(found).toMatchObject({ status });
      else expect(found).toEqual({ origin: originOf(String(login)), scope: "full", local: false });
    });

  for (const [client, status] of CLIENTS)
    test(`the login of the client ${JSON.stringify(client)}: ${status}`, async () => {
      const found = await identified("127.0.0.1", { ...SERVED, "x-forwarded-for": client });
      if (status !== 200) expect(found).toMatchObject({ status });
      else expect(found).toEqual({ origin: "jo@example.com", scope: "full", local: false });
    });

  test("`tailscale serve` of a tagged machine names no login: a token is needed, and enough", async () => {
    const { "tailscale-user-login": _, ...tagged } = SERVED;
    expect(await verdict("127.0.0.1", tagged)).toBe(401);
    expect(await verdict("::1", { ...tagged, authorization: `Bearer ${secret.laptop}` })).toBe("laptop");
  });

  test("Funnel is refused: with 403, from everywhere, also with a good token or login, and when all may come", async () => {
    for (const address of [...LOOPBACK, ...STRANGERS, "100.64.0.7"])
      for (const value of ["?1", "?0", ""])
        for (const more of [{}, SERVED, { authorization: `Bearer ${secret.laptop}` }]) {
          const headers = { ...more, "tailscale-funnel-request": value };
          expect(await verdict(address, headers)).toBe(403);
          expect(await verdict(address, headers, { open: true, trustHeaders: true })).toBe(403);
        }
  });
});

describe("AGENT_EVENT_BUS_ALLOWED_LOGINS", () => {
  const only = { allowedLogins: ["jo@example.com"] };
  const rows: [address: string, login: string | null, who: string | number][] = [
    ["127.0.0.1", "jo@example.com", "jo@example.com"],
    ["127.0.0.1", "Jo@Example.com", "Jo@Example.com"],
    ["127.0.0.1", "eve@example.com", 403],
    ["127.0.0.1", "jo@example.com.evil", 403],
    ["127.0.0.1", "", 400],
    ["100.64.0.7", null, "jo@example.com"],
    ["100.127.255.254", null, 403],
    ["100.127.255.254", "jo@example.com", 403],
    ["203.0.113.9", "jo@example.com", 401],
  ];
  test.each(rows)("%s with the login %p: %p", async (address, login, who) => {
    expect(await verdict(address, { ...SERVED, "tailscale-user-login": login }, only)).toBe(who);
  });
  test("a program of this machine needs no login", async () => {
    expect(await verdict("127.0.0.1", {}, only)).toBe("local+");
  });
  test("a token needs no login on the list", async () => {
    const headers = { ...SERVED, "tailscale-user-login": "eve@example.com" };
    expect(await verdict("127.0.0.1", { ...headers, authorization: `Bearer ${secret.ci}` }, only)).toBe("ci");
  });
});
