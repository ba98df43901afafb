import { expect, test } from "bun:test";
import { createHmac } from "node:crypto";
import { signBody, signDelivery } from "../../src/webhooks/sign.ts";

const body = (i: number) => JSON.stringify({ event_id: i, payload: "é🦕".repeat(i * 50) });

test("signatures that are made at the same time, with short and long secrets, are each right", async () => {
  const secrets = Array.from({ length: 40 }, (_, i) => `${i}-`.repeat(1 + i * 3));
  const made = await Promise.all(
    secrets.flatMap((secret, i) => [signBody(secret, body(i)), signDelivery(secret, `msg_${i}`, i, body(i))]),
  );
  const due = secrets.flatMap((secret, i) => [
    `sha256=${createHmac("sha256", secret).update(body(i)).digest("hex")}`,
    `v1,${createHmac("sha256", secret)
      .update(`msg_${i}.${i}.${body(i)}`)
      .digest("base64")}`,
  ]);
  expect(made).toEqual(due);
});
