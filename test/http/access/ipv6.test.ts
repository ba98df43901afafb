import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { cli } from "../../support/cli.ts";
import { closeLan, type Lan, skipsLan, startLan } from "../../support/lan.ts";
import { type Headers, Tally, tryPublish } from "../../support/strangers.ts";

const BUS = "fd00:77::1";
const LOGIN = "tailscale-user-login";

/** The bus's address and the machine's, of either family. */
const NETWORKS = [
  [BUS, "fd00:77::2", 64],
  ["fd7a:115c:a1e0:1::1", "fd7a:115c:a1e0:1::2", 64],
  ["fd7a:115c:a1e0:2::1", "fd7a:115c:a1e0:2::2", 64],
  ["fd7a:115c:a1e1::1", "fd7a:115c:a1e1::2", 64],
  ["10.77.0.1", "10.77.0.2", 24],
  ["100.64.1.1", "100.64.1.2", 24],
] as const;
const [, ALICES, UNKNOWN, OUTSIDE, LAN4, ALICES4] = NETWORKS.map(([ours]) => ours);

let lan: Lan;

describe.skipIf(skipsLan("IPv6 peers"))("a bus on ::", () => {
  const tally = new Tally();

  beforeAll(async () => {
    lan = await startLan({
      networks: NETWORKS.map(
        ([ours, theirs, prefix]) => [`${ours}/${prefix}`, `${theirs}/${prefix}`] as const,
      ),
      owners: {
        "fd7a:115c:a1e0:1::2": "alice@example.com",
        "fd7a:115c:a1e1::2": "alice@example.com",
        "100.64.1.2": "alice@example.com",
      },
      env: { HOST: "::" },
    });
  });
  afterAll(async () => {
    tally.print("IPv6");
    await closeLan(lan);
  });

  test.each<
    [what: string, to: string | undefined, token: string | null, headers: Headers, outcome: string | number]
  >([
    ["a peer with nothing", BUS, null, {}, 401],
    [
      "a peer with a forged login",
      BUS,
      null,
      { [LOGIN]: "alice@example.com", "x-forwarded-for": "::1" },
      401,
    ],
    ["a peer with a token", BUS, "laptop", {}, "laptop"],
    ["a peer with a token and a port in its Host", BUS, "laptop", { host: `[${BUS}]:8080` }, "laptop"],
    ["a peer with a token under a foreign name", BUS, "laptop", { host: "evil.example" }, 421],
    ["a machine of the tailnet that tailscaled confirms", ALICES, null, {}, "alice@example.com"],
    ["that machine with another login", ALICES, null, { [LOGIN]: "bob@example.com" }, "alice@example.com"],
    ["a machine of the tailnet that it does not know", UNKNOWN, null, { [LOGIN]: "alice@example.com" }, 401],
    ["a machine just outside the tailnet", OUTSIDE, null, {}, 401],
    ["an IPv4 peer with nothing", LAN4, null, {}, 401],
    ["an IPv4 peer with a token", LAN4, "laptop", {}, "laptop"],
    ["an IPv4 machine of the tailnet", ALICES4, null, {}, "alice@example.com"],
  ])("%s", async (_what, to = "", token, headers, outcome) => {
    const sent = { ...(token !== null && lan.bearer(token)), ...headers };
    expect(await outcomeFrom("client", to, sent)).toBe(outcome);
  });

  test.each<[to: string, headers: Headers, outcome: string | number]>([
    ["::1", {}, "local"],
    ["127.0.0.1", {}, "local"],
    ["::ffff:127.0.0.1", { host: "[::ffff:127.0.0.1]" }, "local"],
    ["::1", { [LOGIN]: "bob@example.com", "x-forwarded-for": "fd7a:115c:a1e0::2" }, "bob@example.com"],
    ["::1", { [LOGIN]: "bob@example.com", "x-forwarded-for": "2001:db8::2" }, 401],
    ["::1", { "x-forwarded-for": "fd7a::2" }, 401],
    ["::1", { host: "evil.example" }, 421],
    [BUS, {}, 401],
  ])("a program of the bus's machine that connects to %s with %j", async (to, headers, outcome) => {
    expect(await outcomeFrom("server", to, headers)).toBe(outcome);
  });

  test("a refusal tells the peer its address, and tailscaled is asked in its own notation", async () => {
    const stranger = await tryPublish(lan.bus, { from: lan.wire.client, to: BUS });
    expect(stranger.answer.body).toContain("Requests from fd00:77::2 need a token (");
    const mapped = await tryPublish(lan.bus, { from: lan.wire.client, to: String(LAN4) });
    expect(mapped.answer.body).toContain("Requests from 10.77.0.2 need a token (");
    await outcomeFrom("client", String(ALICES), {});
    await outcomeFrom("client", String(ALICES4), {});
    const asked = lan.tailscaled.asked.map((addr) => addr.replace(/\d+$/, "PORT"));
    expect(asked).toContain("[fd7a:115c:a1e0:1::2]:PORT");
    expect(asked).toContain("100.64.1.2:PORT");
    expect(asked.filter((addr) => addr.includes("a1e1") || addr.includes("ffff"))).toEqual([]);
  });

  test("a command reaches it by its address", async () => {
    const env = {
      AGENT_EVENT_BUS_URL: `http://[${BUS}]:${lan.bus.port}/mcp`,
      AGENT_EVENT_BUS_TOKEN: String(lan.secrets.laptop),
    };
    const options = { kind: "binary", inside: lan.wire.client.inside, env } as const;
    const sent = await cli(["publish", "--type", "note", "--payload", "six", "--json"], options);
    const read = await cli(["events", "--limit", "1", "--json"], options);
    expect(read.json().events).toMatchObject([{ id: sent.json().event_id, origin: "laptop" }]);
  });

  /** The origin of the event that was stored, or the status of the refusal. */
  async function outcomeFrom(
    from: "client" | "server",
    to: string,
    headers: Headers,
  ): Promise<string | number | undefined> {
    const { status, origin } = await tryPublish(lan.bus, { from: lan.wire[from], to }, headers);
    tally.add({ status, origin });
    return status === 200 ? origin : status;
  }
});
