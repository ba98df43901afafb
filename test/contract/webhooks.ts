import { afterAll, expect, test } from "bun:test";
import { createHmac } from "node:crypto";
import { readFileSync } from "node:fs";
import { join as path } from "node:path";
import { Webhook } from "standardwebhooks";
import manifest from "../../package.json" with { type: "json" };
import { fresh, problem, publish, stored } from "../support/agent.ts";
import type { TestBus } from "../support/bus.ts";
import { type Receiver, receiver } from "../support/receiver.ts";

const KEYS = "event_id event_type payload session_id timestamp channel correlation_id signal_level";
const SIGNATURES = ["x-event-bus-signature", "webhook-signature"];

/** WIRE.md 7, and the four webhook tools of 3. */
export function webhooks(target: () => TestBus): void {
  let shared: Receiver | undefined;
  const hooks = () => {
    shared ??= receiver((at) =>
      at.includes("moved") ? Response.redirect(hooks().url("/followed"), 302) : OK(),
    );
    return shared;
  };
  const OK = () => new Response(null, { status: 204 });
  afterAll(() => shared?.stop());

  /** Registers a webhook at a path of its own; returns that path and the answer. */
  async function register(more: Record<string, unknown> = {}, prefix = "/hook") {
    const at = fresh(prefix);
    return { at, answer: await target().call("register_webhook", { url: hooks().url(at), ...more }) };
  }

  async function unregister(webhook_id: number): Promise<void> {
    expect(await target().call("unregister_webhook", { webhook_id })).toEqual({ success: true, webhook_id });
  }

  test("registering answers with what it will do", async () => {
    const filter = { channel: "repo:", event_types: ["a", "b"] };
    const { at, answer } = await register({ ...filter, secret: "s3cret" });
    const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    expect(answer).toEqual({
      webhook_id: expect.any(Number),
      url: hooks().url(at),
      ...filter,
      created_at: time,
    });
    const plain = await register();
    expect(plain.answer).toMatchObject({ channel: null, event_types: null });
    await unregister(answer.webhook_id);
    await unregister(plain.answer.webhook_id);
  });

  test("a delivery is the POST of the contract, key by key", async () => {
    const { at, answer } = await register();
    const event_id = await publish(target(), "späß 🦖", { channel: "repo:x" });
    const [delivery] = await hooks().until(at, 1);
    const { headers, json, body } = delivery ?? (undefined as never);
    expect(headers.get("content-type")).toBe("application/json");
    expect(headers.get("user-agent")).toBe(`agent-event-bus/${manifest.version}`);
    expect(headers.get("webhook-id")).toMatch(new RegExp(`^msg_[0-9a-f]{8}_${event_id}$`));
    expect(Math.abs(Date.now() / 1000 - Number(headers.get("webhook-timestamp")))).toBeLessThan(5);
    expect(headers.get("webhook-timestamp")).toMatch(/^\d+$/);
    expect(headers.get("x-event-bus-attempt")).toBe("1");
    for (const name of SIGNATURES) expect(headers.get(name)).toBeNull();
    expect(Object.keys(json).join(" ")).toBe(KEYS);
    const own = { event_id, event_type: "note", payload: "späß 🦖", channel: "repo:x" };
    expect(json).toMatchObject({
      ...own,
      session_id: "anonymous",
      correlation_id: null,
      signal_level: "info",
    });
    expect(body).toBe(JSON.stringify(json));
    await unregister(answer.webhook_id);
  });

  test("title, tags and correlation_id travel when they are set, in the order of the original", async () => {
    const { at, answer } = await register();
    await publish(target(), "x", {
      title: "T",
      tags: ["a"],
      correlation_id: "c",
      signal_level: "actionable",
    });
    const [delivery] = await hooks().until(at, 1);
    expect(Object.keys(delivery?.json).join(" ")).toBe(`${KEYS} title tags`);
    expect(delivery?.json).toMatchObject({ title: "T", tags: ["a"], correlation_id: "c" });
    await unregister(answer.webhook_id);
  });

  test.each([
    ["plain words", "correct-horse-battery"],
    ["the whsec_ form", `whsec_${Buffer.from("0123456789abcdef01234567").toString("base64")}`],
  ])("both signatures of a secret that is %s can be verified", async (_, secret) => {
    const { at, answer } = await register({ secret });
    await publish(target(), "signed 🦖");
    const [delivery] = await hooks().until(at, 1);
    const { headers, body } = delivery ?? (undefined as never);
    const digest = createHmac("sha256", secret).update(body).digest("hex");
    expect(headers.get("x-event-bus-signature")).toBe(`sha256=${digest}`);
    const verifier = secret.startsWith("whsec_")
      ? new Webhook(secret)
      : new Webhook(secret, { format: "raw" });
    expect(verifier.verify(body, Object.fromEntries(headers))).toMatchObject({ payload: "signed 🦖" });
    expect(() => verifier.verify(`${body} `, Object.fromEntries(headers))).toThrow();
    await unregister(answer.webhook_id);
  });

  test.each([
    ["repo:", ["repo:x", "repo:y"]],
    ["repo:x", ["repo:x"]],
    ["all", ["all"]],
    ["machine:", []],
  ])("the channel %j gets the events of %j", async (channel, expected) => {
    const { at, answer } = await register({ channel });
    const fence = await register({ event_types: ["fence"] });
    for (const to of ["repo:x", "all", "repo:y", "session:x", "other-repo:x"])
      await publish(target(), to, { channel: to });
    await publish(target(), "", { event_type: "fence", channel: "elsewhere" });
    await hooks().until(fence.at, 1);
    await hooks().until(at, expected.length);
    expect(
      hooks()
        .at(at)
        .map((delivery) => delivery.json.channel),
    ).toEqual(expected);
    for (const each of [answer, fence.answer]) await unregister(each.webhook_id);
  });

  test("event_types get any of them, together with the channel both must hold", async () => {
    const { at, answer } = await register({ event_types: ["a", "b"], channel: "repo:" });
    const cases = ["a repo:x", "b repo:x", "c repo:x", "a all"].map((text) => text.split(" "));
    for (const [event_type, channel] of cases) await publish(target(), "x", { event_type, channel });
    await hooks().until(at, 2);
    await Bun.sleep(50);
    expect(
      hooks()
        .at(at)
        .map(({ json }) => `${json.event_type} ${json.channel}`),
    ).toEqual(["a repo:x", "b repo:x"]);
    await unregister(answer.webhook_id);
  });

  test("a paused webhook gets nothing until it is on again; a removed one nothing at all", async () => {
    const { at, answer } = await register();
    const { webhook_id } = answer;
    const set = (active: boolean) => target().call("set_webhook_active", { webhook_id, active });
    expect(await set(false)).toEqual({ success: true, webhook_id, active: false });
    await publish(target(), "while off");
    await set(true);
    await publish(target(), "while on");
    await hooks().until(at, 1);
    await unregister(webhook_id);
    await publish(target(), "after");
    await Bun.sleep(50);
    expect(
      hooks()
        .at(at)
        .map((delivery) => delivery.json.payload),
    ).toEqual(["while on"]);
  });

  test("list_webhooks shows fields, never the secret; paused ones only when asked", async () => {
    const secret = fresh("top-secret");
    const { answer } = await register({ secret, event_types: ["never"] });
    const { webhook_id, url, created_at } = answer;
    const shown = {
      webhook_id,
      url,
      channel: null,
      event_types: ["never"],
      active: true,
      created_at,
      has_secret: true,
      ordered: false,
      ...{ pending: 0, dead: 0, expired: 0, last_success: null, last_failure: null, last_error: null },
    };
    const { result } = await target().call("list_webhooks");
    expect(result).toContainEqual(shown);
    expect(JSON.stringify(result)).not.toContain(secret);
    await target().call("set_webhook_active", { webhook_id, active: false });
    expect((await target().call("list_webhooks")).result).not.toContainEqual(
      expect.objectContaining({ webhook_id }),
    );
    const all = await target().call("list_webhooks", { active_only: false });
    expect(all.result).toContainEqual({ ...shown, active: false });
    await unregister(webhook_id);
    await Bun.sleep(50);
    expect(readFileSync(path(target().folder, "bus.log"), "utf8")).not.toContain(secret);
  });

  test("an unknown webhook is refused", async () => {
    for (const call of [
      target().call("set_webhook_active", { webhook_id: 424_242, active: true }),
      target().call("unregister_webhook", { webhook_id: 424_242 }),
    ])
      expect(await call).toMatchObject({ error: expect.stringContaining("424242"), webhook_id: 424_242 });
  });

  test.each([
    "nonsense",
    "/events",
    "example.com/x",
    "ftp://example.com/",
    "file:///etc/passwd",
    "javascript:x",
    "http://",
    "http://u:p@example.com/",
  ])("the URL %j is refused by name, and nothing is stored", async (url) => {
    const before = stored(target());
    expect(await problem(target(), "register_webhook", { url })).toContain("url");
    expect(stored(target())).toEqual(before);
  });

  test("a redirect is not followed", async () => {
    const { at, answer } = await register({}, "/moved");
    await publish(target(), "x");
    await hooks().until(at, 1);
    await Bun.sleep(100);
    expect(hooks().at("/followed")).toEqual([]);
    await unregister(answer.webhook_id);
  });

  test("every event of a burst is delivered once", async () => {
    const { at, answer } = await register({ event_types: ["burst"] });
    const ids = await Promise.all(
      Array.from({ length: 150 }, () => publish(target(), "x", { event_type: "burst" })),
    );
    await hooks().until(at, 150);
    await Bun.sleep(50);
    const got = hooks()
      .at(at)
      .map((delivery) => delivery.json.event_id);
    expect(got.sort((a, b) => a - b)).toEqual(ids.sort((a, b) => a - b));
    await unregister(answer.webhook_id);
  });

  test("endpoints that refuse, hang or do not exist delay neither a publish nor other endpoints", async () => {
    const slow = receiver(() => new Promise<Response>(() => {}));
    const bad = [slow.url(), "http://127.0.0.1:1/", "http://no-such-host.invalid/", "http://[::1]:1/"];
    const made = await Promise.all(bad.map((url) => target().call("register_webhook", { url })));
    const { at, answer } = await register();
    const began = performance.now();
    for (let i = 0; i < 100; i++) await publish(target(), "x");
    expect(performance.now() - began).toBeLessThan(10_000);
    await hooks().until(at, 100, 10_000);
    for (const each of [...made, answer]) await unregister(each.webhook_id);
    slow.stop();
  });
}
