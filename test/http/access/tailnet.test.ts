import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { closeLan, type Lan, skipsLan, startLan } from "../../support/lan.ts";
import { type Headers, Tally, tryPublish } from "../../support/strangers.ts";

const BUS = "10.77.0.1";
const SERVED = "bus.tail0123.ts.net";
const LOGIN = "tailscale-user-login";
/** What `tailscale serve` puts into a request that it hands on. */
const PROXIED = {
  host: SERVED,
  [LOGIN]: "alice@example.com",
  "tailscale-user-name": "Alice",
  "tailscale-headers-info": "https://tailscale.com/s/serve-headers",
  "x-forwarded-for": "100.64.1.2",
  "x-forwarded-host": SERVED,
  "x-forwarded-proto": "https",
};

/** One network for each machine: the bus's address there, the machine's, and whose it is to tailscaled. */
const MACHINES = {
  alice: ["100.64.1.1", "100.64.1.2", "alice@example.com"],
  mallory: ["100.64.2.1", "100.64.2.2", "mallory@example.com"],
  tagged: ["100.127.3.1", "100.127.3.2", "tagged-devices"],
  unknown: ["100.127.4.1", "100.127.4.2", ""],
  later: ["100.64.6.1", "100.64.6.2", "alice@example.com"],
  outside: ["100.128.5.1", "100.128.5.2", "alice@example.com"],
} as const;

let lan: Lan;

interface Became {
  status: number;
  /** Of the event that was stored. */
  origin: string | undefined;
  says: string;
}

async function attempt(from: "client" | "server", to: string, headers: Headers, tally: Tally) {
  const { answer, ...became } = await tryPublish(lan.bus, { from: lan.wire[from], to }, headers);
  tally.add(became);
  return { ...became, says: answer.body };
}

function expected(status: number, outcome: string): Became {
  return status === 200
    ? { status, origin: outcome, says: expect.anything() }
    : { status, origin: undefined, says: expect.stringContaining(outcome) };
}

describe.skipIf(skipsLan("logins of a tailnet"))("a bus on 0.0.0.0 with a list of logins", () => {
  beforeAll(async () => {
    const machines = Object.values(MACHINES);
    lan = await startLan({
      networks: [
        [`${BUS}/24`, "10.77.0.2/24"],
        ...machines.map(([ours, theirs]) => [`${ours}/24`, `${theirs}/24`] as const),
      ],
      owners: Object.fromEntries(
        machines.flatMap(([, theirs, login]) => (login === "" ? [] : [[theirs, login]])),
      ),
      env: {
        HOST: "0.0.0.0",
        AGENT_EVENT_BUS_ALLOWED_HOSTS: SERVED,
        AGENT_EVENT_BUS_ALLOWED_LOGINS: "alice@example.com, bob@example.com",
      },
    });
  });
  afterAll(() => closeLan(lan));

  describe("and a connection from its own machine", () => {
    const tally = new Tally();
    const two = (other: string) => ({ ...PROXIED, [LOGIN]: `alice@example.com\r\n${LOGIN}: ${other}` });
    afterAll(() => tally.print("loopback"));

    test.each<[what: string, headers: Headers, status: number, outcome: string]>([
      ["without headers is local", {}, 200, "local"],
      ["as localhost is local", { host: "localhost:8080" }, 200, "local"],
      ["through tailscale serve is the login", PROXIED, 200, "alice@example.com"],
      [
        "with a login alone is nobody",
        { [LOGIN]: "bob@example.com" },
        401,
        `the header ${LOGIN} comes from a proxy`,
      ],
      ["with a login beside X-Real-IP is nobody", { ...PROXIED, "x-real-ip": "1.2.3.4" }, 401, "x-real-ip"],
      ["with a login in capitals", { ...PROXIED, [LOGIN]: "Alice@Example.com" }, 200, "Alice@Example.com"],
      ["through tailscale serve, without a login", { ...PROXIED, [LOGIN]: null }, 401, "need a token"],
      ["with two logins", two("bob@example.com"), 400, "exactly one"],
      ["with one login twice", two("alice@example.com"), 400, "exactly one"],
      ["with two logins in one", { ...PROXIED, [LOGIN]: "a@example.com, b@example.com" }, 400, "exactly one"],
      ["with an empty login", { ...PROXIED, [LOGIN]: "" }, 400, "exactly one"],
      [
        "with a login that is not on the list",
        { ...PROXIED, [LOGIN]: "eve@example.com" },
        403,
        "ALLOWED_LOGINS",
      ],
      ["through Funnel", { ...PROXIED, "tailscale-funnel-request": "?1" }, 403, "Funnel"],
      ["through Funnel, without a login", { "tailscale-funnel-request": "?1" }, 403, "Funnel"],
      ["through another proxy", { "x-forwarded-for": "10.77.0.2" }, 401, "need a token"],
      [
        "under a name of the tailnet that is not the bus's",
        { ...PROXIED, host: "x.tail0123.ts.net" },
        421,
        "x.tail",
      ],
    ])("%s", async (_what, headers, status, outcome) => {
      expect(await attempt("server", "127.0.0.1", headers, tally)).toEqual(expected(status, outcome));
    });

    test("to an address that other machines reach is no loopback", async () => {
      expect(await attempt("server", BUS, {}, tally)).toEqual(
        expected(401, `Requests from ${BUS} need a token`),
      );
    });
  });

  describe("and a machine of the tailnet", () => {
    const tally = new Tally();
    const alice = { [LOGIN]: "alice@example.com" };
    afterAll(() => tally.print("tailnet"));

    test.each<
      [what: string, machine: keyof typeof MACHINES, headers: Headers, status: number, outcome: string]
    >([
      ["is its owner, whom tailscaled confirms", "alice", {}, 200, "alice@example.com"],
      [
        "is its owner, whoever it claims to be",
        "alice",
        { [LOGIN]: "bob@example.com" },
        200,
        "alice@example.com",
      ],
      ["is refused when its owner is not on the list", "mallory", {}, 403, "The login mallory@example.com"],
      ["is refused then, whoever it claims to be", "mallory", alice, 403, "The login mallory@example.com"],
      ["is refused when no person owns it", "tagged", {}, 401, "need a token"],
      ["is refused then, whoever it claims to be (tagged)", "tagged", PROXIED, 401, "need a token"],
      ["is refused when tailscaled does not know it", "unknown", {}, 401, "need a token"],
      ["is refused then, whoever it claims to be (unknown)", "unknown", alice, 401, "need a token"],
      ["is none when its address is just outside", "outside", {}, 401, "need a token"],
    ])("%s", async (_what, machine, headers, status, outcome) => {
      const [to, theirs] = MACHINES[machine];
      expect(await attempt("client", to, headers, tally)).toEqual(expected(status, outcome));
      // Once for each machine: an answer holds for a minute.
      const asked = lan.tailscaled.asked.filter((addr) => addr.startsWith(`${theirs}:`));
      expect(asked).toHaveLength(machine === "outside" ? 0 : 1);
    });

    test("with a token is the token, and tailscaled is not asked", async () => {
      const before = lan.tailscaled.asked.length;
      const outcome = await attempt("client", MACHINES.alice[0], lan.bearer("laptop"), tally);
      expect(outcome).toEqual(expected(200, "laptop"));
      expect(lan.tailscaled.asked).toHaveLength(before);
    });

    test("is refused while tailscaled does not answer, let in when it does, and others are not held up", async () => {
      const [to] = MACHINES.later;
      lan.tailscaled.silent = true;
      const began = performance.now();
      const seconds = () => (performance.now() - began) / 1000;
      const asks = attempt("client", to, {}, tally).finally(() => ended.push(seconds()));
      const ended: number[] = [];
      let others = 0;
      while (ended.length === 0) {
        expect(await attempt("server", "127.0.0.1", {}, tally)).toEqual(expected(200, "local"));
        others++;
        await Bun.sleep(50);
      }
      expect(await asks).toEqual(expected(401, "need a token"));
      lan.tailscaled.silent = false;
      expect(await attempt("client", to, {}, tally)).toEqual(expected(200, "alice@example.com"));
      console.log(
        `network, a silent tailscaled: 401 after ${ended[0]?.toFixed(1)} s, ${others} events of others meanwhile`,
      );
    });
  });
});
