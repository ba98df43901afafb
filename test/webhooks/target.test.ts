import { expect, test } from "bun:test";
import { attempt } from "../../src/webhooks/post.ts";
import { fresh, problem, publish, stored } from "../support/agent.ts";
import { startHere, type TestBus } from "../support/bus.ts";
import { bearer, servedTo, tokenFor } from "../support/callers.ts";
import { receiver } from "../support/receiver.ts";
import { callTool, rpcTool } from "../support/rpc.ts";
import { deliveriesOf, eventually, hook, hookOf, targetOf } from "../support/webhook.ts";

interface Registrant {
  who: string;
  headersFor(bus: TestBus): Record<string, string>;
}

const REMOTE: readonly Registrant[] = [
  {
    who: "a login that tailscale serve vouches for",
    headersFor: () => servedTo("ada@example.com"),
  },
  { who: "a token", headersFor: (bus) => bearer(tokenFor(bus.db, fresh("laptop"))) },
];

async function registerAs(
  registrant: Registrant,
  bus: TestBus,
  url: string,
): Promise<{ isError?: true; text: string }> {
  const { message } = await rpcTool(bus.url, "register_webhook", { url }, registrant.headersFor(bus));
  return { ...message.result, text: message.result.content[0].text };
}

test("a forbidden target is refused at registration with a sentence, and nothing is stored", async () => {
  const bus = await startHere({ lookup: async () => ["169.254.169.254"] });
  const own = `http://127.0.0.1:${bus.port}/mcp`;
  for (const url of ["http://169.254.169.254/", "http://[::ffff:a9fe:a9fe]/", "http://any.test/", own]) {
    expect(await problem(bus, "register_webhook", { url })).toMatch(/^register_webhook: url: \S+ .*is .*\.$/);
  }
  for (const url of [
    "http://user@127.0.0.1:9/",
    "http://user:word@127.0.0.1:9/",
    "http://:word@127.0.0.1:9/",
  ])
    expect(await problem(bus, "register_webhook", { url })).toContain("user name or password");
  expect(stored(bus).webhooks).toBe(0);
});

test.each(REMOTE)(
  "a name that turns to 127.0.0.1 after $who registered it is refused at the attempt",
  async (registrant) => {
    let addresses = ["93.184.216.34"];
    const inside = receiver();
    const port = new URL(inside.url()).port;
    const bus = await startHere({ lookup: async () => addresses });
    const { isError, text } = await registerAs(registrant, bus, `http://flips.test:${port}/`);
    expect(isError).toBeUndefined();
    const id = JSON.parse(text).webhook_id;
    addresses = ["127.0.0.1"];
    await publish(bus);
    await eventually("a failed attempt", async () => (await deliveriesOf(bus, id))[0].attempts === 1);
    const [{ state, last_status, last_error }] = await deliveriesOf(bus, id);
    expect([state, last_status]).toEqual(["pending", null]);
    expect(last_error).toContain("flips.test (127.0.0.1) is a loopback address, which only");
    expect(await callTool(bus.url, "test_webhook", { webhook_id: id })).toMatchObject({
      structuredContent: { success: false, error: expect.stringContaining("loopback address") },
    });
    addresses = ["93.184.216.34", "127.0.0.1"];
    const again = await bus.call("test_webhook", { webhook_id: id });
    expect(again.error).toContain("loopback address");
    expect(inside.at("/")).toEqual([]);
    inside.stop();
  },
);

test.each(REMOTE)(
  "$who may name private networks that the settings allow, and no loopback",
  async (registrant) => {
    const env = { AGENT_EVENT_BUS_WEBHOOK_ALLOW_CIDRS: "10.9.0.0/16" };
    const bus = await startHere({ env });
    expect((await registerAs(registrant, bus, "http://10.9.1.1/")).isError).toBeUndefined();
    for (const url of [
      "http://10.8.1.1/",
      "http://127.0.0.1:9/",
      "http://2130706433:9/",
      "http://localhost:9/",
    ])
      expect(await registerAs(registrant, bus, url)).toMatchObject({ isError: true });
  },
);

test("a setting that is no network stops the start, by name", async () => {
  const env = { AGENT_EVENT_BUS_WEBHOOK_ALLOW_CIDRS: "10.0.0.0/99" };
  await expect(startHere({ env })).rejects.toThrow('AGENT_EVENT_BUS_WEBHOOK_ALLOW_CIDRS: "10.0.0.0/99"');
});

test("a name whose first address nobody listens on is reached at its second", async () => {
  const good = receiver();
  const bus = await startHere({ lookup: async () => ["::1", "127.0.0.1"] });
  await hook(bus, `http://two.test:${new URL(good.url()).port}/here`);
  await publish(bus);
  const [delivery] = await good.until("/here", 1);
  expect(delivery?.headers.get("host")).toStartWith("two.test:");
  good.stop();
});

test("a redirect to a forbidden or a harmless place is not followed and counts as a failure", async () => {
  const places = ["http://169.254.169.254/latest", "/followed"];
  const moved = receiver((path) => Response.redirect(places[path === "/a" ? 0 : 1] ?? "", 302));
  const bus = await startHere();
  const ids = [await hook(bus, moved.url("/a")), await hook(bus, moved.url("/b"))];
  await publish(bus);
  for (const id of ids) {
    await eventually("a failure", async () => (await hookOf(bus, id)).last_failure !== null);
    expect((await hookOf(bus, id)).last_error).toBe("HTTP 302 (redirects are not followed)");
  }
  expect(moved.at("/followed")).toEqual([]);
  moved.stop();
});

test("no proxy of the environment is asked", async () => {
  const [proxy, good] = [receiver(), receiver()];
  const names = ["HTTP_PROXY", "http_proxy", "ALL_PROXY"];
  const before = names.map((name) => process.env[name]);
  for (const name of names) process.env[name] = proxy.url();
  try {
    const { port } = new URL(good.url());
    for (const host of ["127.0.0.1", "name.test"])
      expect(
        await attempt(targetOf(`http://${host}:${port}/direct`), { headers: {}, body: "{}" }),
      ).toMatchObject({
        status: 204,
      });
  } finally {
    for (const [i, name] of names.entries()) {
      if (before[i] === undefined) delete process.env[name];
      else process.env[name] = before[i];
    }
    proxy.stop();
    good.stop();
  }
});
