import { expect, test } from "bun:test";
import type { Source } from "../../src/domain/source.ts";
import { isProved } from "../../src/inbound/verify.ts";
import { hmac } from "../../src/lib/hmac.ts";
import { ofBody, signed } from "../support/arrivals.ts";

const NOW = Date.UTC(2026, 0, 22, 20);
const aSource = (more: Partial<Source> = {}): Source => ({
  ...{ source_id: 1, name: "s", kind: "github", secret: "s3cret", secret_old: null, secret_old_until: 0 },
  ...{ mapping: {}, created_at: "", last_event_id: null, last_arrival: null },
  ...more,
});
const proved = (source: Source | undefined, arrival: object) =>
  isProved({ source, arrival: { body: "hello", ...arrival }, mayPublish: false, now: NOW });

test("openssl signs as GitHub does, and the bus takes it", async () => {
  const body = JSON.stringify({ ä: "🦖", n: "\u0000" });
  const openssl = Bun.spawnSync(["openssl", "dgst", "-sha256", "-hmac", "s3cret", "-r"], {
    stdin: Buffer.from(body),
  });
  const hex = openssl.stdout.toString().split(" ")[0];
  expect(hex).toHaveLength(64);
  expect(await proved(aSource(), { body, signature: `sha256=${hex}` })).toBe(true);
  expect(await proved(aSource(), { body: `${body} `, signature: `sha256=${hex}` })).toBe(false);
});

test("GitHub's own example of a signature", async () => {
  const source = aSource({ secret: "It's a Secret to Everybody" });
  const signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
  expect(await proved(source, { body: "Hello, World!", signature })).toBe(true);
});

test("the code of Standard Webhooks signs, and the bus takes it", async () => {
  const { Webhook } = await import("standardwebhooks");
  const secret = "whsec_c2VjcmV0LXNlY3JldC1zZWNyZXQ=";
  const source = aSource({ kind: "json", secret });
  const signature = new Webhook(secret).sign("msg_1", new Date(NOW), "hello");
  const head = { id: "msg_1", timestamp: String(NOW / 1000) };
  expect(await proved(source, { ...head, signature })).toBe(true);
  expect(await proved(source, { ...head, signature: `v1,AAAA ${signature}` })).toBe(true);
  expect(await proved(source, { ...head, id: "msg_2", signature })).toBe(false);
});

test("a wrong proof, a right one and an unknown source cost the same hashes", async () => {
  const body = "x".repeat(1 << 20);
  const right = { body, signature: ofBody("s3cret", body) };
  const cases: [Source | undefined, object][] = [
    [aSource(), right],
    [aSource(), { body, signature: "sha256=00" }],
    [undefined, right],
    [aSource({ kind: "gitlab" }), { body, token: "x" }],
    [aSource({ kind: "text", secret: null }), { body }],
    [
      aSource({ kind: "json", secret_old: "o", secret_old_until: NOW + 1 }),
      { ...signed("s3cret", "y", NOW).headers, body },
    ],
  ];
  const costs = cases.map(async ([source, arrival]) => {
    const cost = { hashes: 0, ofBody: 0 };
    const counting: typeof hmac = (key, data) => {
      cost.hashes++;
      if (data.length >= body.length) cost.ofBody++;
      return hmac(key, data);
    };
    await isProved({ source, arrival: { body, ...arrival }, mayPublish: false, now: NOW }, counting);
    return cost;
  });
  for (const cost of await Promise.all(costs)) expect(cost).toEqual({ hashes: 8, ofBody: 4 });
});
