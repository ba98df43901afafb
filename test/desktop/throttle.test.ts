import { expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { createThrottle } from "../../src/desktop/throttle.ts";
import type { Notification } from "../../src/domain/context.ts";
import { join, publish } from "../support/agent.ts";
import { startBusWithDesktop } from "../support/cli.ts";
import { eventually } from "../support/webhook.ts";

/** A throttle whose time the test passes, and the messages that were shown. */
function aPace(shows = true) {
  const shown: string[] = [];
  const withdrawn: string[] = [];
  let now = 0;
  let waiting: { at: number; run: () => void }[] = [];
  const show = async ({ message }: Notification) => {
    shown.push(message);
    return shows;
  };
  const withdraw = async (group: string) => void withdrawn.push(group);
  const throttle = createThrottle({ show, withdraw }, (run, ms) => waiting.push({ at: now + ms, run }));
  return {
    shown,
    withdrawn,
    notify: throttle.show,
    withdraw: throttle.withdraw,
    waiting: () => waiting.length,
    pass(ms: number) {
      now += ms;
      const due = waiting.filter(({ at }) => at <= now);
      waiting = waiting.filter(({ at }) => at > now);
      for (const { run } of due) run();
    },
  };
}

const to = (group: string, message: string): Notification => ({ title: "t", message, group });

test("the first one is shown at once; those of the next second together, the newest with their number", async () => {
  const { notify, shown, pass } = aPace();
  expect(await notify(to("a", "1"))).toBe(true);
  const held = ["2", "3", "4"].map((message) => notify(to("a", message)));
  pass(999);
  expect(shown).toEqual(["1"]);
  pass(1);
  expect(await Promise.all(held)).toEqual([true, true, true]);
  expect(shown).toEqual(["1", "(and 2 more) 4"]);
});

test("while they keep coming, the time between two doubles", async () => {
  const { notify, shown, pass } = aPace();
  for (let second = 0; second < 100; second++) {
    notify(to("a", `${second}.0`));
    notify(to("a", `${second}.1`));
    pass(1_000);
  }
  const others = [1, 3, 7, 15, 31, 63].map((count) => `(and ${count} more)`);
  expect(shown.slice(0, 3)).toEqual(["0.0", "0.1", "(and 3 more) 2.1"]);
  expect(shown).toHaveLength(8);
  expect(others.some((text) => shown[7]?.startsWith(text))).toBe(true);
});

test("a notification that tells its own number keeps it", async () => {
  const { notify, shown, pass } = aPace();
  notify({ ...to("a", "1"), others: 5 });
  notify({ ...to("a", "2"), others: 6 });
  notify({ ...to("a", "3"), others: 7 });
  pass(1_000);
  expect(shown).toEqual(["(and 5 more) 1", "(and 7 more) 3"]);
});

test("what waits is dropped when its group is withdrawn, and the next one waits again", async () => {
  const { notify, withdraw, shown, withdrawn, pass } = aPace();
  notify(to("a", "1"));
  const held = notify(to("a", "2"));
  await withdraw("a");
  expect(await held).toBe(false);
  notify(to("a", "3"));
  expect(shown).toEqual(["1"]);
  pass(1_000);
  expect([shown, withdrawn]).toEqual([["1", "3"], ["a"]]);
});

test("one that waited alone is shown as it is; after a quiet time the next one waits for nothing", async () => {
  const { notify, shown, pass, waiting } = aPace();
  notify(to("a", "1"));
  notify(to("a", "2"));
  pass(1_000);
  pass(2_000);
  expect([shown, waiting()]).toEqual([["1", "2"], 0]);
  notify(to("a", "3"));
  expect(shown).toEqual(["1", "2", "3"]);
});

test("groups wait for themselves only, and what has none never waits", async () => {
  const { notify, shown } = aPace();
  for (const message of ["1", "2"]) {
    notify(to("a", `a${message}`));
    notify(to("b", `b${message}`));
    notify({ title: "t", message });
  }
  expect(shown).toEqual(["a1", "b1", "1", "2"]);
});

test("when it cannot be shown, everyone who waited learns it", async () => {
  const { notify, pass } = aPace(false);
  const all = ["1", "2", "3"].map((message) => notify(to("a", message)));
  pass(1_000);
  expect(await Promise.all(all)).toEqual([false, false, false]);
});

test("fifty direct messages in a row show few notifications, and the last one tells how many there are", async () => {
  const bus = await startBusWithDesktop();
  const { session_id } = await join(bus, { name: "recipient" });
  const began = performance.now();
  for (let i = 0; i < 50; i++) await publish(bus, `message ${i}.`, { channel: `session:${session_id}` });
  const text = () => (existsSync(bus.shown) ? readFileSync(bus.shown, "utf8") : "");
  await eventually("all are told of", () => text().includes("(and 49 more) message 49."), 10_000);
  const seconds = (performance.now() - began) / 1_000;
  expect([...text().matchAll(/message \d+\./g)].length).toBeLessThanOrEqual(2 + Math.floor(seconds));
  await bus.stop();
});
