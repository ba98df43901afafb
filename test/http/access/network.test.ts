import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { cli } from "../../support/cli.ts";
import { tempFolder } from "../../support/folder.ts";
import { closeLan, createToken, type Lan, skipsLan, startLan } from "../../support/lan.ts";
import { post, readAnswer } from "../../support/raw.ts";
import { call, type Headers, Tally, tryPublish, tryTool } from "../../support/strangers.ts";

const BUS = "10.77.0.1";
const SERVED = "bus.tail0123.ts.net";
const FORGED = { "tailscale-user-login": "alice@example.com", "x-forwarded-for": "127.0.0.1" };

let lan: Lan;
const theirs = () => ({ from: lan.wire.client, to: BUS });

describe.skipIf(skipsLan("requests across a network"))("a bus on 0.0.0.0", () => {
  beforeAll(async () => {
    lan = await startLan({
      networks: [[`${BUS}/24`, "10.77.0.2/24"]],
      env: { HOST: "0.0.0.0", AGENT_EVENT_BUS_ALLOWED_HOSTS: `bus.example,${SERVED}` },
    });
  });
  afterAll(() => closeLan(lan));

  describe("and a peer on another machine", () => {
    const tally = new Tally();
    afterAll(() => tally.print("a peer across the wire"));

    test.each<[what: string, token: string | null, headers: Headers, status: number, outcome: string]>([
      ["with nothing", null, {}, 401, "Requests from 10.77.0.2 need a token"],
      ["with a forged login", null, { ...FORGED, "x-forwarded-for": null }, 401, "need a token"],
      ["with a forged X-Forwarded-For", null, { "x-forwarded-for": "127.0.0.1" }, 401, "need a token"],
      ["with both", null, FORGED, 401, "need a token"],
      [
        "with both, under the name of tailscale serve",
        null,
        { ...FORGED, host: SERVED },
        401,
        "need a token",
      ],
      ["with a Forwarded header", null, { forwarded: "for=127.0.0.1" }, 401, "need a token"],
      ["with loopback's Host", null, { host: "127.0.0.1" }, 401, "need a token"],
      ["with a scheme other than Bearer", null, { authorization: "Basic bGFwdG9wOng=" }, 401, "need a token"],
      ["with an empty token", "", {}, 401, "does not know the token"],
      ["with a wrong token", "aeb_wrong", {}, 401, "does not know the token"],
      ["with the hash of a token", "hash", {}, 401, "does not know the token"],
      ["with all of a token but its end", "start", {}, 401, "does not know the token"],
      ["with a wrong token and a forged login", "wrong", FORGED, 401, "does not know the token"],
      ["with an expired token", "expired", {}, 401, "The token expired expired at"],
      ["with a revoked token", "revoked", {}, 401, "The token revoked was revoked"],
      ["with a token that may only read", "read", {}, 403, "Use a token with the scope publish"],
      ["through Funnel, with a token", "laptop", { "tailscale-funnel-request": "?1" }, 403, "Funnel"],
      ["with a token", "laptop", {}, 200, "laptop"],
      ["with a token that may only publish", "ci", {}, 200, "ci"],
      ["with a token and a forged login", "laptop", FORGED, 200, "laptop"],
      ["with a foreign Host", "laptop", { host: "evil.example" }, 421, "AGENT_EVENT_BUS_ALLOWED_HOSTS"],
      ["with a foreign Host and no token", null, { host: "evil.example" }, 421, "does not answer"],
      [
        "with a Host that ends as an allowed one",
        "laptop",
        { host: "evil-bus.example" },
        421,
        "does not answer",
      ],
      ["with the machine's name as Host", "laptop", { host: hostname() }, 200, "laptop"],
      ["with its name and a port", "laptop", { host: `${hostname().toUpperCase()}:80` }, 200, "laptop"],
      ["with an allowed name as Host", "laptop", { host: "bus.example" }, 200, "laptop"],
      ["with another allowed name as Host", "laptop", { host: `${SERVED}:443` }, 200, "laptop"],
    ])("%s", async (_what, token, headers, status, outcome) => {
      const sent = { ...(token !== null && lan.bearer(token)), ...headers };
      const { answer, ...became } = await tryPublish(lan.bus, theirs(), sent);
      tally.add(became);
      expect(became).toEqual({ status, origin: status === 200 ? outcome : undefined });
      if (status !== 200) expect(answer.body).toContain(outcome);
      if (status === 401) expect(answer.head).toMatch(/^www-authenticate: Bearer realm="agent-event-bus"/im);
    });
  });

  test("a scope covers its own tools and no other", async () => {
    const tally = new Tally();
    for (const [token, tool, args, status] of [
      ["ci", "get_events", {}, 403],
      ["ci", "list_sessions", {}, 403],
      ["ci", "register_session", { name: "intruder" }, 403],
      ["read", "get_events", {}, 200],
      ["read", "list_sessions", {}, 200],
      ["read", "register_session", { name: "intruder" }, 403],
      ["read", "register_webhook", { url: "http://127.0.0.1:9/" }, 403],
      ["laptop", "list_webhooks", {}, 200],
    ] as const) {
      const answer = await tryTool(lan.bus, theirs(), tool, args, lan.bearer(token));
      tally.add({ status: answer.status, origin: undefined });
      expect([token, tool, answer.status]).toEqual([token, tool, status]);
      if (status === 403) expect(answer.head).toContain("insufficient_scope");
    }
    const sessions = await tryTool(lan.bus, theirs(), "list_sessions", {}, lan.bearer("laptop"));
    expect(sessions.body).not.toContain("intruder");
    tally.print("scopes");
  });

  test("/health is for those who may come in, and tells others nothing", async () => {
    const ask = (headers: Headers) => {
      const head = { host: BUS, "content-type": null, ...headers };
      return lan.wire.client.send(BUS, lan.bus.port, post("", head, "GET /health HTTP/1.1"));
    };
    const stranger = await ask({});
    expect(stranger.status).toBe(401);
    expect(stranger.head + stranger.body).not.toMatch(/version|uptime/);
    expect((await ask(lan.bearer("ci"))).status).toBe(200);
  });

  test("a token revoked while its holder is connected is refused at the next request of that connection", async () => {
    const authorization = `Bearer ${await createToken(lan.bus.db, "leaving")}`;
    const note = (payload: string) =>
      post(call("publish_event", { event_type: "note", payload }), {
        ...{ host: BUS, connection: "keep-alive", authorization },
      });
    const socket = await lan.wire.client.hold(BUS, lan.bus.port, note("before"));
    expect((await readAnswer(socket)).status).toBe(200);
    const revoked = await cli(["token", "revoke", "leaving", "--db", lan.bus.db], { kind: "binary" });
    expect(revoked.code).toBe(0);
    socket.write(note("after"));
    const answer = await readAnswer(socket);
    socket.destroy();
    expect([answer.status, answer.body]).toEqual([401, expect.stringContaining("leaving was revoked")]);
    const left = await tryTool(lan.bus, theirs(), "get_events", { limit: 1 }, lan.bearer("read"));
    expect(left.body).toContain("before");
    console.log("network, revoked while connected: 200, then 401 on the same connection");
  });

  test("commands on the other machine work with a token from the environment or a private file", async () => {
    const home = tempFolder();
    const inside = lan.wire.client.inside;
    const run = (args: string[], env = {}) =>
      cli([...args, "--json"], {
        kind: "binary",
        inside,
        env: { HOME: home, AGENT_EVENT_BUS_URL: `http://${BUS}:${lan.bus.port}/mcp`, ...env },
      });
    const publish = ["publish", "--type", "note", "--payload", "from afar"];
    const stranger = await run(publish);
    expect([stranger.code, stranger.json().error]).toEqual([1, expect.stringContaining("token create")]);
    const sent = await run(publish, { AGENT_EVENT_BUS_TOKEN: lan.secrets.laptop });
    expect([sent.code, sent.stderr]).toEqual([0, ""]);

    const folder = `${home}/.claude/contrib/agent-event-bus`;
    mkdirSync(folder, { recursive: true });
    writeFileSync(`${folder}/token`, `${lan.secrets.laptop}\n`, { mode: 0o600 });
    const read = await run(["events", "--limit", "1"]);
    const event = { id: sent.json().event_id, payload: "from afar", origin: "laptop" };
    expect(read.json().events).toMatchObject([event]);
    const refused = await run(["events"], { AGENT_EVENT_BUS_TOKEN: lan.secrets.ci });
    expect([refused.code, refused.json().error]).toEqual([1, expect.stringContaining("allow get_events")]);
    console.log(
      "network, commands: publish and events as laptop; refused without a token and beyond a scope",
    );
  });
});
