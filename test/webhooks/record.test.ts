import { expect, test } from "bun:test";
import { publish } from "../support/agent.ts";
import { startHere } from "../support/bus.ts";
import { receiver } from "../support/receiver.ts";
import { change, eventually, hook, hookOf } from "../support/webhook.ts";

test("an answer the database does not take is recorded later, and the event is not sent again meanwhile", async () => {
  const target = receiver();
  const warnings: string[] = [];
  const bus = await startHere({
    log: {
      info() {},
      warn: (line) => warnings.push(line),
      error() {},
      failure() {},
      call() {},
      flush: async () => {},
    },
  });
  const id = await hook(bus, target.url());
  change(
    bus.db,
    "CREATE TRIGGER refuse BEFORE UPDATE ON deliveries BEGIN SELECT RAISE(ABORT, 'not now'); END",
  );
  for (let i = 0; i < 3; i++) await publish(bus);
  await target.until("/", 3);
  await Bun.sleep(1_500);
  expect(target.at("/")).toHaveLength(3);
  expect(warnings.filter((line) => line.includes("could not record the attempt yet")).length).toBeWithin(
    3,
    10,
  );
  change(bus.db, "DROP TRIGGER refuse");
  await eventually("recorded", async () => (await hookOf(bus, id)).pending === 0);
  expect(target.at("/")).toHaveLength(3);
  target.stop();
});

test("a failing endpoint is stopped in good time by a bus that stops, whatever it is doing", async () => {
  const hung = receiver(() => new Promise<Response>(() => {}));
  const bus = await startHere();
  await hook(bus, hung.url());
  await publish(bus);
  await hung.until("/", 1);
  const began = performance.now();
  await bus.stop();
  expect(performance.now() - began).toBeLessThan(5_000);
  const again = await startHere({ folder: bus.folder });
  await hung.until("/", 2);
  expect((await again.call("list_deliveries")).result).toMatchObject([{ state: "in_flight", attempts: 0 }]);
  hung.stop();
});
