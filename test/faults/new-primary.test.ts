// A replica takes the place of a bus's PostgreSQL. The buses know one name, which leads to the new server from then on.
import { afterEach, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { SIZE, underLoad } from "../support/bus_kill_rounds.ts";
import { type Ring, startRing } from "../support/bus_ring.ts";
import { type MovingPort, movingPort } from "../support/moving_port.ts";
import { freePort } from "../support/port.ts";
import { noPostgres, onServer, type Server, startServer } from "../support/postgres.ts";
import { health } from "../support/process.ts";
import { receiver } from "../support/receiver.ts";
import { eventually } from "../support/webhook.ts";

/** Events that the replica never gets. */
const LOST = 5;
const TIMEOUT_MS = 240_000;
const stops: (() => unknown)[] = [];
const testHere = test.skipIf(noPostgres !== null);

afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

async function serverOn(settings: readonly string[], of?: Server): Promise<Server> {
  const server = await startServer({ port: await freePort(), settings, ...(of && { of }) });
  stops.push(() => server.kill());
  return server;
}

/** A primary and its replica, and buses that reach the primary by a name. */
async function replicated(size: number, ...settings: string[]) {
  const primary = await serverOn(settings);
  const replica = await serverOn([], primary);
  const name: MovingPort = await movingPort(await freePort(), primary.port);
  stops.push(() => name.stop());
  const url = new URL(await primary.database());
  url.port = String(name.port);
  const ring = await startRing(size, { server: primary, url: url.href });
  stops.push(() => ring.stop());
  return { primary, replica, name, ring };
}

/** Every bus says why it takes no writes. */
async function tells(ring: Ring, size: number, reason: string): Promise<void> {
  for (let index = 0; index < size; index++)
    await eventually(`bus ${index} says ${reason}`, async () => {
      await publish(ring, index).catch(() => {});
      return (await health(ring.at(index))).reason === reason;
    });
}

const publish = (ring: Ring, index: number, more = {}) =>
  ring.at(index).call("publish_event", { event_type: "t", payload: "p", ...more });

testHere(
  "with synchronous replication nothing is lost, and the buses go on by themselves",
  async () => {
    let { primary, replica, name, ring } = await replicated(SIZE, "synchronous_standby_names=replica");
    await underLoad(ring, 2, async () => {
      await primary.kill();
      await tells(ring, SIZE, "storage_failed");
      name.moveTo(replica.port);
      await tells(ring, SIZE, "storage_readonly");
      const { events } = await ring.at(0).call("get_events", { limit: 1 });
      expect(events).toHaveLength(1);
      await replica.promote();
      primary = replica;
      replica = await serverOn([], primary);
      await onServer(urlOf(primary), "ALTER SYSTEM SET synchronous_standby_names = 'replica'");
      await onServer(urlOf(primary), "SELECT pg_reload_conf()");
    });
  },
  TIMEOUT_MS,
);

testHere(
  "without its replica a synchronous server acknowledges nothing, and with it all goes on",
  async () => {
    const { replica, ring } = await replicated(1, "synchronous_standby_names=replica");
    const { event_id } = await publish(ring, 0);
    await replica.kill();
    await expect(publish(ring, 0)).rejects.toThrow(/The database did not take the write|does not answer/);
    expect((await health(ring.at(0))).code).toBe(503);
    const { events } = await ring.at(0).call("get_events", { limit: 1 });
    expect(events).toMatchObject([{ id: event_id }]);
    await replica.start();
    await eventually("the bus stores again", () => works(ring, 0), 60_000);
    expect((await health(ring.at(0))).code).toBe(200);
  },
  TIMEOUT_MS,
);

testHere(
  "buses leave a server that takes reads only, for reads and announcements too, once their name leads to another one",
  async () => {
    const { primary, replica, name, ring } = await replicated(2);
    const moved = async (from: Server, to: Server) => {
      name.moveTo(to.port);
      for (const index of [0, 1]) await eventually("the bus stores again", () => works(ring, index));
      await eventually("nobody is left there", () => hasBuses(from, "true", 0));
      await eventually("both listen there", () => hasBuses(to, "query LIKE 'LISTEN%'", 2));
    };
    await primary.kill();
    name.moveTo(replica.port);
    await tells(ring, 2, "storage_readonly");
    await primary.start();
    await moved(replica, primary);
    // One that is replaced, and lives on.
    await onServer(urlOf(primary), "ALTER SYSTEM SET default_transaction_read_only = on");
    await onServer(urlOf(primary), "SELECT pg_reload_conf()");
    await tells(ring, 2, "storage_readonly");
    await replica.promote();
    await moved(primary, replica);
  },
  TIMEOUT_MS,
);

const urlOf = ({ port }: Server) => `postgres://bus@127.0.0.1:${port}/postgres`;

const works = (ring: Ring, index: number) =>
  publish(ring, index).then(
    () => true,
    () => false,
  );

/** True if buses have so many connections of a kind to a server. */
const hasBuses = (server: Server, kind: string, count: number) =>
  succeeds(
    urlOf(server),
    `SELECT 1 / (count(*) = ${count})::int FROM pg_stat_activity WHERE application_name LIKE 'bus%' AND ${kind}`,
  );

/** True unless a statement fails on a database. */
const succeeds = (url: string, text: string) =>
  onServer(url, text).then(
    () => true,
    () => false,
  );

testHere(
  "with asynchronous replication the last events are lost, and the buses go on from the last one that is left",
  async () => {
    const { primary, replica, name, ring } = await replicated(2);
    const hooks = receiver();
    stops.push(() => hooks.stop());
    await ring.at(0).call("register_webhook", { url: hooks.url() });
    const { event_id: kept } = await publish(ring, 0);
    await eventually("the replica has it", () => hasEvent(replica, ring, kept));
    await replica.kill();
    for (let i = 0; i < LOST; i++) await publish(ring, i % 2);
    await primary.kill();
    await replica.start();
    await replica.promote();
    name.moveTo(replica.port);
    await eventually("the bus stores again", () => works(ring, 0));
    const waiting = ring
      .at(1)
      .call("get_events", { event_types: ["u"], wait_seconds: 60, cursor: String(kept) });
    const wakes = async () => {
      await publish(ring, 0, { event_type: "u" });
      return (await Promise.race([waiting, Bun.sleep(200)])) !== undefined;
    };
    await eventually("the call that waits is woken", wakes);
    const [{ id }] = (await waiting).events;
    expect(id).toBeLessThanOrEqual(kept + LOST);
    await eventually("it arrives", () => hooks.at("/").some(({ json }) => json.event_type === "u"));
    for (const index of [0, 1]) {
      const lost = `the database has lost the events ${kept + 1} to `;
      await eventually("the log tells of it", () => readFileSync(ring.logOf(index), "utf8").includes(lost));
    }
  },
  TIMEOUT_MS,
);

function hasEvent({ port }: Server, ring: Ring, id: number): Promise<boolean> {
  const url = new URL(ring.url);
  url.port = String(port);
  return succeeds(url.href, `SELECT 1 / count(*) FROM events WHERE id = ${id}`);
}
