// Requests to the buttons of a notification, from other machines and from the bus's own.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { BUTTON_MS, buttonSecret } from "../../src/domain/button.ts";
import { processStart } from "../../src/lib/process.ts";
import { fresh } from "../support/agent.ts";
import { tokenFor } from "../support/callers.ts";
import { cli } from "../support/cli.ts";
import { needOfKey, questionInput } from "../support/dialogs.ts";
import { closeLan, type Lan, skipsLan, startLan } from "../support/lan.ts";
import { post, type RawAnswer } from "../support/raw.ts";
import { call } from "../support/strangers.ts";
import { eventually } from "../support/webhook.ts";

const STRANGER = "10.77.0.1";
const PHONE = "100.64.1.1";
const PUBLIC = "bus.tail0123.ts.net";
const AUTHORITY = { host: PUBLIC };

let lan: Lan;
const held: { destroy(): void }[] = [];

interface Standing {
  need_id: number;
  secret: string;
  state(): string | undefined;
}

/** A dialog of a session on the bus's machine. Its hook's call stays open. */
async function stand(more: object = {}): Promise<Standing> {
  const { wire, bus } = lan;
  const client_id = fresh("client");
  const key = fresh("key");
  const identity = { client_id, pid: process.pid };
  const pid_started = processStart(process.pid);
  const session = { ...identity, pid_started, name: client_id, cwd: "/home/me/shop", repo: "shop" };
  const begun = await wire.server.send("127.0.0.1", bus.port, post(call("start_session", session)));
  expect(begun.status).toBe(200);
  const report = {
    ...{ ...identity, key, kind: "permission", text: "Bash: ls", tool: "Bash", input: '{"command":"ls"}' },
    ...{ open_ms: 0, certain: true, answerable: true, wait_seconds: 600, ...more },
  };
  held.push(await wire.server.hold("127.0.0.1", bus.port, post(call("report_dialog", report))));
  await eventually("the need is known", () => needOfKey(bus.db, key) !== undefined);
  const need = needOfKey(bus.db, key);
  if (need === undefined) throw new Error("there is no need");
  return { ...need, state: () => needOfKey(bus.db, key)?.state };
}

type Headers = Record<string, string | null>;

function request(to: string, secret: string, headers: Headers = {}, method = "POST"): Promise<RawAnswer> {
  const line = `${method} /answer/${secret} HTTP/1.1`;
  const all = { host: to, "content-type": null, ...headers };
  return lan.wire.client.send(to, lan.bus.port, post("", all, line));
}

const rightNow = (need: Standing, what = "allow") => buttonSecret(need, what, Date.now());
const expired = (need: Standing) => buttonSecret(need, "allow", Date.now() - BUTTON_MS - 1_000);
const forged = async (need: Standing) => (await rightNow(need)).replace(/.{43}$/, "A".repeat(43));
const ofOther = async (need: Standing) => (await rightNow(need)).replace("allow", "deny");
const unknown = (need: Standing) => buttonSecret({ ...need, need_id: 1_000_000 }, "allow", Date.now());
const noOption = (need: Standing) => buttonSecret(need, "7", Date.now());
const malformed = async () => "..%2f..%2fmcp";

describe.skipIf(skipsLan("buttons across a network"))("the button of a notification", () => {
  beforeAll(async () => {
    lan = await startLan({
      networks: [
        [`${STRANGER}/24`, "10.77.0.2/24"],
        [`${PHONE}/24`, "100.64.1.2/24"],
      ],
      owners: { "100.64.1.2": "ada@example.com" },
      env: { HOST: "0.0.0.0", AGENT_EVENT_BUS_PUBLIC_URL: `https://${PUBLIC}/bus` },
    });
  });
  afterAll(async () => {
    for (const one of held) one.destroy();
    await closeLan(lan);
  });

  test.each([
    ["a token of the scope answer", "answer", 0, "answered"],
    ["a full token", "full", 1, "open"],
    ["no token", undefined, 1, "open"],
  ] as const)("the command on another machine answers with %s only", async (_, scope, code, state) => {
    const need = await stand();
    const env = {
      AGENT_EVENT_BUS_URL: `http://${STRANGER}:${lan.bus.port}/mcp`,
      ...(scope && { AGENT_EVENT_BUS_TOKEN: tokenFor(lan.bus.db, fresh(`my-${scope}`), scope) }),
    };
    const { inside } = lan.wire.client;
    const told = await cli(["answer", String(need.need_id), "allow"], { inside, env });
    expect([told.code, need.state()]).toEqual([code, state]);
  });

  test.each<
    [
      what: string,
      to: string,
      method: string,
      secret: (need: Standing) => Promise<string>,
      headers: Headers,
      status: number,
      says: string,
    ]
  >([
    ["the right secret from a stranger", STRANGER, "POST", rightNow, {}, 401, "need a token"],
    ["a forged secret from a stranger", STRANGER, "POST", forged, {}, 401, "need a token"],
    ["an expired secret from a stranger", STRANGER, "POST", expired, {}, 401, "need a token"],
    ["GET from a stranger", STRANGER, "GET", rightNow, {}, 401, "need a token"],
    [
      "the right secret with a wrong token",
      PHONE,
      "POST",
      rightNow,
      { authorization: "Bearer x" },
      401,
      "token",
    ],
    [
      "the right secret through Funnel",
      PHONE,
      "POST",
      rightNow,
      { "tailscale-funnel-request": "?1" },
      403,
      "",
    ],
    [
      "the right secret from a page",
      PHONE,
      "POST",
      rightNow,
      { origin: "https://ntfy.sh" },
      403,
      "web pages",
    ],
    [
      "the right secret from a site",
      PHONE,
      "POST",
      rightNow,
      { "sec-fetch-site": "cross-site" },
      403,
      "sites",
    ],
    [
      "the right secret to another host",
      PHONE,
      "POST",
      rightNow,
      { host: "evil.example" },
      421,
      "evil.example",
    ],
    ["GET", PHONE, "GET", rightNow, {}, 200, "not when it is opened"],
    ["GET with a forged secret", PHONE, "GET", forged, {}, 200, "not when it is opened"],
    ["HEAD", PHONE, "HEAD", rightNow, {}, 200, ""],
    ["PUT", PHONE, "PUT", rightNow, {}, 405, "accepts POST, GET, HEAD"],
    ["a forged secret", PHONE, "POST", forged, {}, 404, "not one of this bus"],
    ["a secret that was changed", PHONE, "POST", ofOther, {}, 404, "not one of this bus"],
    ["a secret of an unknown need", PHONE, "POST", unknown, {}, 404, "not one of this bus"],
    ["no secret", PHONE, "POST", malformed, {}, 404, "not one of this bus"],
    ["an answer that the need does not take", PHONE, "POST", noOption, {}, 410, "no such answer"],
    ["an expired secret", PHONE, "POST", expired, {}, 410, "has expired"],
  ])("%s is answered, and decides nothing", async (_what, to, method, secret, headers, status, says) => {
    const need = await stand();
    const answer = await request(to, await secret(need), headers, method);
    expect(answer.status).toBe(status);
    expect(answer.body).toContain(says);
    expect(need.state()).toBe("open");
  });

  test.each<[who: string, to: string, headers: () => Headers]>([
    ["a login of the tailnet", PHONE, () => ({})],
    ["a login of the tailnet, under the public name", PHONE, () => AUTHORITY],
    ["a machine with a token", STRANGER, () => lan.bearer("laptop")],
  ])("answers once for %s", async (_who, to, headers) => {
    const need = await stand();
    const [allow, deny] = [await rightNow(need), await rightNow(need, "deny")];
    const first = await request(to, allow, headers());
    expect([first.status, first.body]).toEqual([200, "Answered: Allow once\n"]);
    expect(first.head).toContain("no-store");
    expect(need.state()).toBe("answered");
    for (const secret of [allow, deny]) {
      const again = await request(to, secret, headers());
      expect([again.status, again.body]).toEqual([410, "This is closed already: answered with allow.\n"]);
    }
  });

  test("two taps at once: one wins, and the other is told", async () => {
    const need = await stand({ kind: "question", tool: "AskUserQuestion", input: questionInput() });
    const secrets = await Promise.all(["1", "2", "3"].map((what) => rightNow(need, what)));
    const answers = await Promise.all(secrets.map((secret) => request(PHONE, secret)));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 410, 410]);
  });
});
