import { expect, test } from "bun:test";
import { type GuardOptions, RULES } from "../../../src/http/access/guard.ts";
import {
  aRequest,
  CLIENTS,
  FORWARDING,
  type Headers_,
  HOSTS,
  LOGINS,
  ORIGINS,
  originOf,
  SERVED,
  SITES,
  TYPES,
} from "../../support/access.ts";
import { createIdentities, from, guardAt, LOOPBACK, STRANGERS, TAILNET } from "../../support/identity.ts";

const { tokens, secret } = createIdentities();
const bearer = (text: string) => ({ authorization: `Bearer ${text}` });
const JO = "jo@example.com";
const EVE = { ...SERVED, "tailscale-user-login": "eve@example.com" };

type Row = readonly [
  address: string | null,
  headers: Headers_,
  outcome: string | number,
  options?: Partial<GuardOptions>,
];

const head = (name: string, rows: typeof HOSTS): Row[] =>
  rows.map(([value, status]) => ["127.0.0.1", { [name]: value }, status === 200 ? "local" : status]);

/** Every rule of the guard at work: who asks how, and the origin that is let in or the status of the refusal. */
const MATRIX: readonly Row[] = [
  ...head("host", HOSTS),
  ...head("origin", ORIGINS),
  ...head("sec-fetch-site", SITES),
  ...head("content-type", TYPES),
  ...LOOPBACK.map((address): Row => [address, {}, "local"]),
  ...STRANGERS.map((address): Row => [address, SERVED, 401]),
  ...TAILNET.map(([address, who]): Row => [address, {}, who]),
  ...FORWARDING.map((name): Row => ["127.0.0.1", { [name]: "x" }, 401]),
  ...LOGINS.map(([login, status]): Row => {
    const outcome = status === 200 ? originOf(String(login)) : status;
    return ["127.0.0.1", { ...SERVED, "tailscale-user-login": login }, outcome];
  }),
  ...CLIENTS.map(([client, status]): Row => {
    return ["127.0.0.1", { ...SERVED, "x-forwarded-for": client }, status === 200 ? JO : status];
  }),
  ["127.0.0.1", { ...bearer(secret.laptop), "tailscale-funnel-request": "?1" }, 403],
  ["203.0.113.9", bearer(secret.laptop), "laptop"],
  ["127.0.0.1", bearer(secret.ci), "ci"],
  ["127.0.0.1", bearer(secret.old), 401],
  ["127.0.0.1", bearer(secret.gone), 401],
  ["127.0.0.1", bearer("aeb_wrong"), 401],
  ["127.0.0.1", {}, 401, { onlyTokens: true }],
  ["127.0.0.1", SERVED, 401, { onlyTokens: true }],
  ["100.64.0.7", {}, 401, { onlyTokens: true }],
  ["127.0.0.1", SERVED, "local", { trustHeaders: true }],
  ["203.0.113.9", { "tailscale-user-login": JO }, JO, { trustHeaders: true }],
  ["203.0.113.9", SERVED, "unverified", { open: true }],
  ["127.0.0.1", EVE, 403, { allowedLogins: [JO] }],
  ["100.127.255.254", {}, 403, { allowedLogins: [JO] }],
];

/** Rows that come out otherwise than the matrix says. */
async function redRows(rules: typeof RULES): Promise<Row[]> {
  const red: Row[] = [];
  for (const row of MATRIX) {
    const [address, headers, outcome, options] = row;
    const found = await guardAt({ tokens, ...options }, rules).check(from(address, aRequest(headers)));
    if (("status" in found ? found.status : found.origin) !== outcome) red.push(row);
  }
  return red;
}

test("with every rule no row of the matrix is red", async () => {
  expect(await redRows(RULES)).toEqual([]);
});

for (const [i, rule] of RULES.entries())
  test(`without the rule ${rule.name} a row turns red`, async () => {
    const red = await redRows(RULES.with(i, () => null));
    expect(red.length).toBeGreaterThan(0);
    console.log(`without ${rule.name}: ${red.length} of ${MATRIX.length} rows red`);
  });
