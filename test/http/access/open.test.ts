import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { closeLan, type Lan, skipsLan, startLan } from "../../support/lan.ts";
import { type Headers, Tally, tryPublish } from "../../support/strangers.ts";
import { eventually } from "../../support/webhook.ts";

const BUS = "10.77.0.1";
const LOGIN = "tailscale-user-login";
const BOB = { [LOGIN]: "bob@example.com" };
const PROXIED = { ...BOB, "x-forwarded-for": "100.64.1.2" };
const FOREIGN = { host: "evil.example" };
const PAGE = { origin: "http://evil.example" };
const FUNNEL = { ...BOB, "tailscale-funnel-request": "?1" };

/** Who asks with which headers, and the origin of the event that is stored, or the status of the refusal. */
type Row = readonly [from: "client" | "server", what: string, headers: Headers, outcome: string | number];

const TRUSTING: readonly Row[] = [
  ["client", "with a login", BOB, "bob@example.com"],
  ["client", "with a login and X-Forwarded-For", PROXIED, "bob@example.com"],
  ["client", "with nothing", {}, 401],
  ["client", "with X-Forwarded-For", { "x-forwarded-for": "127.0.0.1" }, 401],
  ["client", "with two logins", { [LOGIN]: `bob@example.com\r\n${LOGIN}: eve@example.com` }, 400],
  ["client", "with a wrong token and a login", { ...BOB, authorization: "Bearer wrong" }, 401],
  ["client", "through Funnel", FUNNEL, 403],
  ["client", "under a foreign name", { ...BOB, ...FOREIGN }, 421],
  ["client", "from a web page", { ...BOB, ...PAGE }, 403],
  ["server", "with nothing", {}, "local"],
  ["server", "through a proxy", PROXIED, "local"],
];

const OPEN: readonly Row[] = [
  ["client", "with nothing", {}, "unverified"],
  ["client", "with a login", BOB, "unverified"],
  ["client", "with a wrong token", { authorization: "Bearer wrong" }, 401],
  ["client", "through Funnel", FUNNEL, 403],
  ["client", "under a foreign name", FOREIGN, 421],
  ["client", "from a web page", PAGE, 403],
  ["server", "with nothing", {}, "local"],
  ["server", "through a proxy", PROXIED, "unverified"],
];

const skips = skipsLan("switches that open the bus");

for (const [variable, warning, rows] of [
  ["AGENT_EVENT_BUS_TRUST_HEADERS", /is set, so the bus trusts every Tailscale-User-Login header/g, TRUSTING],
  [
    "AGENT_EVENT_BUS_AUTH_DISABLED",
    /is set, so every client that reaches the port can read and write/g,
    OPEN,
  ],
] as const)
  describe.skipIf(skips)(`with ${variable}=1`, () => {
    const tally = new Tally();
    let lan: Lan;
    beforeAll(async () => {
      lan = await startLan({
        networks: [[`${BUS}/24`, "10.77.0.2/24"]],
        env: { HOST: "0.0.0.0", [variable]: "1" },
      });
    });
    afterAll(async () => {
      tally.print(variable);
      await closeLan(lan);
    });

    test.each(rows)("a connection of the %s %s", async (from, _what, headers, outcome) => {
      const route = { from: lan.wire[from], to: from === "server" ? "127.0.0.1" : BUS };
      const { answer, ...became } = await tryPublish(lan.bus, route, headers);
      tally.add(became);
      const expected =
        typeof outcome === "string"
          ? { status: 200, origin: outcome }
          : { status: outcome, origin: undefined };
      expect({ ...became, says: answer.body }).toEqual({ ...expected, says: expect.any(String) });
    });

    test("every start leaves a warning in the log", async () => {
      const warnings = () => readFileSync(`${lan.bus.folder}/bus.log`, "utf8").match(warning)?.length;
      await eventually("the first", () => warnings() === 1);
      await lan.restart();
      await eventually("the second", () => warnings() === 2);
    });
  });
