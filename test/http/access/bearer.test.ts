import { describe, expect, test } from "bun:test";
import type { Refusal } from "../../../src/http/access/refusal.ts";
import { SERVED } from "../../support/access.ts";
import { createIdentities, LOOPBACK, STRANGERS, TAILNET } from "../../support/identity.ts";

const { tokens, secret, identified, verdict } = createIdentities();
const hashOf = (token: string) => tokens.list().find(({ name }) => name === token)?.hash ?? "";

describe("a token that is sent decides, from anywhere", () => {
  const authorizations: [what: string, value: () => string | string[], who: string | number][] = [
    ["the right one", () => `Bearer ${secret.laptop}`, "laptop"],
    ["one with a scope", () => `Bearer ${secret.ci}`, "ci"],
    ["a lower-case scheme", () => `bearer ${secret.laptop}`, "laptop"],
    ["an upper-case scheme", () => `BEARER ${secret.laptop}`, "laptop"],
    ["more blanks", () => `  Bearer \t  ${secret.laptop}  `, "laptop"],
    ["a wrong one", () => "Bearer aeb_wrong", 401],
    ["one in upper case", () => `Bearer ${secret.laptop.toUpperCase()}`, 401],
    ["one without its end", () => `Bearer ${secret.laptop.slice(0, -1)}`, 401],
    ["one with more at its end", () => `Bearer ${secret.laptop}A`, 401],
    ["an expired one", () => `Bearer ${secret.old}`, 401],
    ["a revoked one", () => `Bearer ${secret.gone}`, 401],
    ["its hash", () => `Bearer ${hashOf("laptop")}`, 401],
    ["its name", () => "Bearer laptop", 401],
    ["none behind the scheme", () => "Bearer", 401],
    ["a blank behind the scheme", () => "Bearer ", 401],
    ["quotes", () => `Bearer "${secret.laptop}"`, 401],
    ["two of them", () => `Bearer ${secret.laptop} ${secret.laptop}`, 401],
    ["two of them with a comma", () => `Bearer ${secret.laptop}, Bearer ${secret.laptop}`, 401],
    ["two headers", () => [`Bearer ${secret.laptop}`, `Bearer ${secret.laptop}`], 401],
    ["two headers, a wrong one first", () => ["Bearer x", `Bearer ${secret.laptop}`], 401],
    ["Basic first", () => ["Basic am86am8=", `Bearer ${secret.laptop}`], 401],
    ["nothing first", () => ["", `Bearer ${secret.laptop}`], 401],
    ["a colon", () => `Bearer:${secret.laptop}`, 401],
    ["an equals sign", () => `Bearer=${secret.laptop}`, 401],
    ["no blank that is one", () => `Bearer\u00a0${secret.laptop}`, 401],
    ["a letter that is none of ASCII", () => "Bearer \u00e9", 401],
    ["a parameter", () => `Bearer token=${secret.laptop}`, 401],
  ];
  for (const [what, value, who] of authorizations)
    test(`${what}: ${who}`, async () => {
      for (const address of [...LOOPBACK, ...STRANGERS, ...TAILNET.map(([one]) => one)])
        for (const more of [{}, SERVED]) {
          const headers = { ...more, authorization: value() };
          for (const options of [{}, { open: true }, { trustHeaders: true }, { onlyTokens: true }])
            expect([address, options, await verdict(address, headers, options)]).toEqual([
              address,
              options,
              who,
            ]);
        }
    });

  const none = ["Basic am86am8=", "Token x", "Digest username=x", "Bearish x", "", "aeb_x"];
  test.each(none)("%j is no token: the rest of the request decides", async (authorization) => {
    expect(await verdict("127.0.0.1", { authorization })).toBe("local+");
    expect(await verdict("127.0.0.1", { ...SERVED, authorization })).toBe("jo@example.com");
    expect(await verdict("203.0.113.9", { authorization })).toBe(401);
    expect(await verdict("203.0.113.9", { ...SERVED, authorization })).toBe(401);
  });

  test("a token elsewhere than in Authorization is none", async () => {
    for (const name of ["proxy-authorization", "x-api-key", "cookie", "x-authorization", "tailscale-token"])
      expect(await verdict("203.0.113.9", { [name]: `Bearer ${secret.laptop}` })).toBe(401);
  });

  test("a token's scope comes with its caller, and no token makes its caller local", async () => {
    const ci = await identified("127.0.0.1", { authorization: `Bearer ${secret.ci}` });
    expect(ci).toEqual({ origin: "ci", scope: "publish", local: false, token: hashOf("ci") });
  });
});

describe("the 401 says what to do", () => {
  const rows: [authorization: string | null, says: RegExp, challenge: string][] = [
    [
      null,
      /Requests from 203\.0\.113\.9 need a token .*token create --name/,
      'Bearer realm="agent-event-bus"',
    ],
    ["Bearer x", /does not know the token\. .*token create --name/, 'error="invalid_token"'],
    [
      "old",
      /The token old expired at 2026-03-01T11:00:00.000Z\. .*token create --name/,
      'error="invalid_token"',
    ],
    ["gone", /The token gone was revoked\. .*token create --name/, 'error="invalid_token"'],
  ];
  test.each(rows)("%p", async (authorization, says, challenge) => {
    const known = secret[authorization as keyof typeof secret];
    const value = known === undefined ? authorization : `Bearer ${known}`;
    const refusal = (await identified("203.0.113.9", { authorization: value })) as Refusal;
    expect(refusal.reason).toMatch(says);
    expect(refusal.headers?.["www-authenticate"]).toContain(challenge);
    if (known !== undefined) expect(JSON.stringify(refusal)).not.toContain(known);
  });
});
