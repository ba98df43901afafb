import { expect, test } from "bun:test";
import { publish } from "../support/agent.ts";
import { startBus } from "../support/bus.ts";
import { tempFolder } from "../support/folder.ts";
import { receiver } from "../support/receiver.ts";
import { eventually, hook } from "../support/webhook.ts";

test("a publisher's answer waits for no delivery, and a stopping bus leaves what is pending for the next", async () => {
  let answer = Promise.withResolvers<void>();
  const target = receiver(async () => {
    await answer.promise;
    return new Response(null, { status: 204 });
  });
  const folder = tempFolder();
  const first = await startBus("binary", { folder });
  await hook(first, target.url());
  const began = performance.now();
  for (let i = 0; i < 20; i++) await publish(first);
  expect(performance.now() - began).toBeLessThan(5_000);
  expect(target.at("/").length).toBeLessThanOrEqual(4);
  expect(await first.stop()).toBe(0);
  answer.resolve();
  answer = Promise.withResolvers();
  answer.resolve();
  const second = await startBus("binary", { folder });
  await eventually("all of them", async () => {
    const { result } = await second.call("list_deliveries", { state: "delivered" });
    return result.length === 20;
  });
  const ids = target.at("/").map(({ json }) => json.event_id);
  expect(new Set(ids).size).toBe(20);
  // What was under way went again as its first attempt, with the same webhook-id.
  const again = target.at("/").filter(({ json }) => json.event_id === 1);
  expect(new Set(again.map(({ headers }) => headers.get("webhook-id"))).size).toBe(1);
  target.stop();
}, 30_000);
