// A bus dies while it sends a delivery: another one of the database sends it again, once the lease has run out.
import { expect, test } from "bun:test";
import { startRing } from "../support/bus_ring.ts";
import { noPostgres } from "../support/postgres.ts";
import { receiver } from "../support/receiver.ts";

/** Nearly as long as a lease lasts. Its clock is the database's. */
const LEAST_MS = 85_000;
const TIMEOUT_MS = 240_000;

test.skipIf(noPostgres !== null)(
  "what a bus was sending when it was killed is sent by another one after the lease, under the same id",
  async () => {
    const held = Promise.withResolvers<Response>();
    const hooks = receiver((_, delivery) =>
      delivery === hooks.at("/")[0] ? held.promise : new Response(null, { status: 204 }),
    );
    const ring = await startRing(2);
    try {
      await ring.kill(1);
      const bus = ring.at(0);
      const secret = "a-secret-of-the-test";
      await bus.call("register_webhook", { url: hooks.url(), secret, event_types: ["t"] });
      await bus.call("publish_event", { event_type: "t", payload: "p" });
      const [first] = await hooks.until("/", 1);
      await ring.kill(0);
      await ring.restart(1);
      const [, second] = await hooks.until("/", 2, TIMEOUT_MS);
      const waited = Number(second?.received) - Number(first?.received);
      console.log(`sent by another bus after ${Math.round(waited / 1000)} s`);
      expect(waited).toBeGreaterThan(LEAST_MS);
      expect(second?.headers.get("webhook-id")).toMatch(/^msg_[0-9a-f]{8}_\d+$/);
      const sent = [first, second].map((one) => [one?.headers.get("webhook-id"), one?.body]);
      expect(sent[1]).toEqual(sent[0]);
      // Another event arrives once, so nothing else is sent twice.
      await ring.at(1).call("publish_event", { event_type: "t", payload: "q" });
      await hooks.until("/", 3);
      expect(hooks.at("/").map(({ json }) => json.payload)).toEqual(["p", "p", "q"]);
    } finally {
      held.resolve(new Response(null, { status: 204 }));
      hooks.stop();
      await ring.stop();
    }
  },
  TIMEOUT_MS,
);
