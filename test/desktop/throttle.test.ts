import { expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { createThrottle } from "../../src/desktop/throttle.ts";
import type { Notification } from "../../src/domain/context.ts";
import { join, publish } from "../support/agent.ts";
import { startBusWithDesktop } from "../support/cli.ts";
import { eventually } from "../support/webhook.ts";

/** A pace whose time the test passes, and the messages that were shown. */
function aPace(shows = true) {
  const shown: string[] = [];
  let now = 0;
  let waiting: { at: number; run: () => void }[] = [];
  const show = async ({ message }: Notification) => {
    shown.push(message);
    return shows;
  };
  return {
    shown,
    notify: createThrottle(show, (run, ms) => waiting.push({ at: now + ms, run })),
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

test("what is shown at the end of a second begins another one", async () => {
  const { notify, shown, pass } = aPace();
  for (let second = 0; second < 3; second++) {
    notify(to("a", `${second}.0`));
    notify(to("a", `${second}.1`));
    pass(1_000);
  }
  notify(to("a", "last"));
  expect(shown).toEqual(["0.0", "0.1", "(and 1 more) 1.1", "(and 1 more) 2.1"]);
  pass(1_000);
  expect(shown.at(-1)).toBe("last");
});

test("one that waited alone is shown as it is; after a quiet second the next one waits for nothing", async () => {
  const { notify, shown, pass, waiting } = aPace();
  notify(to("a", "1"));
  notify(to("a", "2"));
  pass(1_000);
  pass(1_000);
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

test("fifty direct messages in a row show few notifications and lose no count", async () => {
  const bus = await startBusWithDesktop();
  const { session_id } = await join(bus, { name: "recipient" });
  const began = performance.now();
  for (let i = 0; i < 50; i++) await publish(bus, `message ${i}.`, { channel: `session:${session_id}` });
  const text = () => (existsSync(bus.shown) ? readFileSync(bus.shown, "utf8") : "");
  const shown = () => [...text().matchAll(/(?:\(and (\d+) more\) )?message \d+\./g)];
  const told = () => shown().reduce((sum, [, others = 0]) => sum + 1 + Number(others), 0);
  await eventually("all are told of", () => told() === 50, 10_000);
  expect(text()).toContain("message 49.");
  const seconds = (performance.now() - began) / 1_000;
  expect(shown().length).toBeLessThanOrEqual(2 + Math.floor(seconds));
  await bus.stop();
});
