import { describe, expect, test } from "bun:test";
import { readFileSync, symlinkSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { startBus } from "../support/bus.ts";
import { tempFolder } from "../support/folder.ts";
import { moments, writeOriginal } from "../support/original.ts";
import { expectRefusal, filesIn, serveUntilExit, sha256 } from "../support/serve.ts";

/** A refusal without a wait. A wait for a lock takes ten seconds. */
const WITHIN_MS = 8_000;

async function takenPort(): Promise<{ port: number; server: Server }> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { server, port: (server.address() as { port: number }).port };
}

describe("the bus does not start, says why in one line, and exits with 1", () => {
  test("when another program has the port", async () => {
    const { port, server } = await takenPort();
    const folder = tempFolder();
    const db = join(folder, "data.db");
    const ended = await serveUntilExit({ folder, args: ["--port", String(port), "--db", db] });
    server.close();
    expect(ended).toMatchObject({ code: 1, stdout: "" });
    expect(ended.stderr).toBe(
      `agent-event-bus: The port ${port} on 127.0.0.1 is taken by another program. Stop that one, or choose another --port.\n`,
    );
    expect(ended.ms).toBeLessThan(WITHIN_MS);
    console.log(`port taken by a foreign listener: refused in ${ended.ms.toFixed(0)} ms`);
    expect(readFileSync(join(folder, "bus.log"), "utf8")).toContain(`error The port ${port}`);
  });

  test("when another bus has the database under its own name, and this one a link to it", async () => {
    const first = await startBus("binary");
    const folder = tempFolder();
    const link = join(folder, "link.db");
    symlinkSync(first.db, link);
    const ended = await serveUntilExit({ folder, args: ["--port", "0", "--db", link] });
    expect(ended.code).toBe(1);
    expect(ended.stderr).toContain(`${first.db} is in use by another agent-event-bus`);
    await first.stop();
  });

  test("when another bus has the port and the database", async () => {
    const first = await startBus("binary");
    const args = ["--port", String(first.port), "--db", first.db];
    const ended = await serveUntilExit({ folder: first.folder, args });
    expect(ended.code).toBe(1);
    expect(ended.stderr).toContain(
      `${first.db} is in use by another agent-event-bus (process ${first.process.pid})`,
    );
    expect(ended.ms).toBeLessThan(WITHIN_MS);
    console.log(`port and database taken by another bus: refused in ${ended.ms.toFixed(0)} ms`);
    await first.stop();
  });

  test("when another bus has the port, with a database of its own: that of neither is changed", async () => {
    const first = await startBus("binary");
    const folder = tempFolder();
    const db = join(folder, "data.db");
    const earlier = await startBus("binary", { folder });
    await earlier.call("publish_event", { event_type: "a", payload: "b" });
    await earlier.stop();
    const before = sha256(db);
    const ended = await serveUntilExit({ folder, args: ["--port", String(first.port), "--db", db] });
    expect(ended.code).toBe(1);
    expect(ended.stderr).toContain(`The port ${first.port}`);
    expect(ended.ms).toBeLessThan(WITHIN_MS);
    console.log(`port taken by another bus, a database of its own: refused in ${ended.ms.toFixed(0)} ms`);
    expect(sha256(db)).toBe(before);
    expect(filesIn(folder).filter((name) => name.endsWith(".pid"))).toEqual([]);
    const third = await startBus("binary", { folder });
    expect(await third.call("publish_event", { event_type: "a", payload: "b" })).toMatchObject({
      event_id: 2,
    });
    await third.stop();
    await first.stop();
  });

  test("when the original's server still runs on the port: its database is left to it", async () => {
    const { port, server } = await takenPort();
    const folder = tempFolder();
    const db = join(folder, "data.db");
    writeOriginal(db, 5, "UTC", moments(20));
    const before = sha256(db);
    const ended = await serveUntilExit({ folder, args: ["--port", String(port), "--db", db] });
    server.close();
    expect(ended.code).toBe(1);
    expect(ended.stderr).toContain(`The port ${port}`);
    expect(sha256(db)).toBe(before);
    expect(filesIn(folder)).toEqual(["data.db", "data.db.lock"]);
  });
});

test("a second bus on the same database is refused, names the first, and leaves it alone", async () => {
  const first = await startBus("binary");
  await first.call("publish_event", { event_type: "a", payload: "b" });
  const { ms } = await expectRefusal(
    { folder: first.folder },
    /in use by another agent-event-bus \(process \d+\)/,
  );
  expect(ms).toBeLessThan(WITHIN_MS);
  console.log(`database taken by another bus: refused in ${ms.toFixed(0)} ms`);
  const { stderr } = await expectRefusal({ folder: first.folder }, /Stop that one/);
  expect(stderr).toContain(`(process ${first.process.pid})`);
  expect(await first.call("publish_event", { event_type: "a", payload: "b" })).toMatchObject({ event_id: 2 });
  expect(await first.stop()).toBe(0);
  expect(filesIn(first.folder)).toEqual(["data.db", "data.db.lock"]);
});

test("after kill -9 of the first bus a second one starts at once, on the same port and database", async () => {
  const first = await startBus("binary");
  await first.call("publish_event", { event_type: "a", payload: "b" });
  const waiting = first.call("get_events", { channel: "nothing", wait_seconds: 60 }).catch(() => "cut");
  await first.kill();
  const began = performance.now();
  const second = await startBus("binary", { folder: first.folder, port: first.port });
  const ms = performance.now() - began;
  expect(ms).toBeLessThan(WITHIN_MS);
  expect(await waiting).toBe("cut");
  expect(await second.call("publish_event", { event_type: "a", payload: "b" })).toMatchObject({
    event_id: 2,
  });
  await second.stop();
  console.log(`after kill -9: the next bus listens ${ms.toFixed(0)} ms after its start`);
});
