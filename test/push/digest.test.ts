import { expect, test } from "bun:test";
import { Digest } from "../../src/push/digest.ts";
import type { Words } from "../../src/push/words.ts";
import { eventually } from "../support/webhook.ts";

const AT = new Date(2026, 2, 1, 14, 2).getTime();

function digest(collectMs: number, apartMs: number) {
  const sent: (Words & { at: number })[] = [];
  const send = (words: Words) => void sent.push({ ...words, at: performance.now() });
  return { sent, digest: new Digest({ now: () => AT, send, collectMs, apartMs }) };
}

test("events that can wait are counted by type and sender", async () => {
  const { sent, digest: one } = digest(20, 0);
  for (let i = 0; i < 3; i++) one.add("blocker_found", "web");
  one.add("ci_failed", "ci");
  one.add("ci_failed", "other");
  await eventually("it is sent", () => sent.length === 1);
  expect(sent[0]).toMatchObject({
    title: "5 other events since 14:02",
    message: "3 blocker_found from web\n1 ci_failed from ci\n1 ci_failed from other",
    priority: 2,
  });
});

test("two digests are apart, and none is empty", async () => {
  const { sent, digest: one } = digest(10, 300);
  one.add("a", "x");
  await eventually("the first", () => sent.length === 1);
  one.add("b", "x");
  await eventually("the second", () => sent.length === 2);
  expect((sent[1]?.at ?? 0) - (sent[0]?.at ?? 0)).toBeGreaterThanOrEqual(290);
  expect(sent.map(({ message }) => message)).toEqual(["1 a from x", "1 b from x"]);
  await Bun.sleep(350);
  expect(sent).toHaveLength(2);
});

test("a digest stays short, however many types and senders there are", async () => {
  const { sent, digest: one } = digest(20, 0);
  for (let i = 0; i < 1_000; i++) one.add(`type-${i}`, "x");
  await eventually("it is sent", () => sent.length === 1);
  expect(sent[0]?.title).toBe("1000 other events since 14:02");
  expect(sent[0]?.message.split("\n")).toHaveLength(11);
  expect(sent[0]?.message).toStartWith("800 more from others\n");
  expect(sent[0]?.message).toEndWith("and 191 more");
});
