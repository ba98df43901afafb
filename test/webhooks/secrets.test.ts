import { expect, test } from "bun:test";
import { createHmac } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Webhook } from "standardwebhooks";
import { problem, publish } from "../support/agent.ts";
import { startBus, startHere } from "../support/bus.ts";
import { type Delivery, receiver } from "../support/receiver.ts";
import { eventually, HOUR, hook, hookOf, TestClock } from "../support/webhook.ts";

const coded = (text: string) => `whsec_${Buffer.from(text).toString("base64")}`;

/** Whether a receiver that knows `secret` takes the delivery, by the public library. */
function verifies(secret: string, { headers, body }: Delivery): boolean {
  try {
    const library = secret.startsWith("whsec_")
      ? new Webhook(secret)
      : new Webhook(secret, { format: "raw" });
    library.verify(body, Object.fromEntries(headers));
    return true;
  } catch {
    return false;
  }
}

const plain = (secret: string, body: string) =>
  `sha256=${createHmac("sha256", secret).update(body).digest("hex")}`;

test.each([
  ["two plain secrets", "old-secret", "new-secret"],
  ["two whsec_ secrets", coded("0123456789abcdef01234567"), coded("abcdef0123456789abcdef01")],
  ["a plain and a whsec_ secret", "old-secret", coded("0123456789abcdef01234567")],
])("%s: both verify during a rotation, after 24 h only the new one", async (_, old, fresh) => {
  const target = receiver();
  // The library compares with the real time.
  const clock = new TestClock(Date.now() - 24 * HOUR + 120_000);
  const bus = await startHere({ now: clock.wall, clock });
  const id = await hook(bus, target.url(), { secret: old });
  const next = async () => {
    const before = target.at("/").length;
    await publish(bus, "späß 🦖");
    return (await target.until("/", before + 1)).at(-1) as Delivery;
  };
  const answer = await bus.call("rotate_webhook_secret", { webhook_id: id, secret: fresh });
  expect(answer).toEqual({
    success: true,
    webhook_id: id,
    secret: fresh,
    old_secret_until: new Date(clock.wall() + 24 * HOUR).toISOString(),
  });
  clock.pass(24 * HOUR - 121_000);
  const during = await next();
  expect([verifies(old, during), verifies(fresh, during)]).toEqual([true, true]);
  expect(during.headers.get("webhook-signature")?.split(" ")).toHaveLength(2);
  expect(during.headers.get("x-event-bus-signature")).toBe(plain(fresh, during.body));
  clock.pass(121_000);
  const after = await next();
  expect([verifies(old, after), verifies(fresh, after)]).toEqual([false, true]);
  expect(after.headers.get("webhook-signature")?.split(" ")).toHaveLength(1);
  target.stop();
});

test("without a secret of one's own the new one is random, in the form of the library, and shown once", async () => {
  const target = receiver();
  const bus = await startHere();
  const id = await hook(bus, target.url());
  const { secret } = await bus.call("rotate_webhook_secret", { webhook_id: id });
  expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
  await publish(bus);
  const [delivery] = await target.until("/", 1);
  expect(verifies(secret, delivery as Delivery)).toBe(true);
  expect(delivery?.headers.get("webhook-signature")?.split(" ")).toHaveLength(1);
  const { secret: second } = await bus.call("rotate_webhook_secret", { webhook_id: id });
  expect(second).not.toBe(secret);
  expect(JSON.stringify(await hookOf(bus, id))).not.toContain("whsec_");
  target.stop();
});

test.each(["späß", "two words", "tab\there", "whsec_", "whsec_???", "whsec_späß"])(
  "the secret %j is refused by name: not every receiver could compute with it",
  async (secret) => {
    const bus = await startHere();
    const url = "http://127.0.0.1:9/";
    expect(await problem(bus, "register_webhook", { url, secret })).toContain("secret: ");
    const id = await hook(bus, url);
    expect(await problem(bus, "rotate_webhook_secret", { webhook_id: id, secret })).toContain("secret: ");
  },
);

test("the log and the other events show nothing of a URL's query, whether its receiver answers or not", async () => {
  const target = receiver((path) => new Response(null, { status: path === "/gone" ? 410 : 204 }));
  const bus = await startBus("binary");
  await hook(bus, target.url("/in?token=hidden"));
  const gone = await hook(bus, target.url("/gone?token=hidden"));
  await bus.call("register_webhook", { url: "hooks.example.com/in?token=hidden" });
  await publish(bus);
  await target.until("/in", 1);
  await eventually("it is disabled", async () => !(await hookOf(bus, gone)).active);
  await bus.stop();
  const log = readFileSync(join(bus.folder, "bus.log"), "utf8");
  expect(log).toContain(`→ ${target.url("/in?…")}: 204`);
  expect(log).toContain(`→ ${target.url("/gone?…")}: HTTP 410`);
  expect(log).toContain("webhook 2 is disabled");
  expect(log).not.toContain("hidden");
  target.stop();
});
