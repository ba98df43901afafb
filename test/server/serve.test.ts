import { describe, expect, test } from "bun:test";
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { startBus } from "../support/bus.ts";
import { tempFolder } from "../support/folder.ts";
import { ALL_HOSTILE, unsafeIn } from "../support/hostile.ts";
import { moments, writeOriginal } from "../support/original.ts";
import { filesIn, serveUntilExit, sha256 } from "../support/serve.ts";

const WITHIN_MS = 2_000;

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
    expect(readFileSync(join(folder, "bus.log"), "utf8")).toContain(`error The port ${port}`);
  });

  test("when another bus has the port and the database", async () => {
    const first = await startBus("source");
    const args = ["--port", String(first.port), "--db", first.db];
    const ended = await serveUntilExit({ folder: first.folder, args });
    expect(ended.code).toBe(1);
    expect(ended.stderr).toContain(
      `${first.db} is in use by another agent-event-bus (process ${first.process.pid})`,
    );
    expect(ended.ms).toBeLessThan(WITHIN_MS);
    await first.stop();
  });

  test("when another bus has the port, with a database of its own: that of neither is changed", async () => {
    const first = await startBus("source");
    const folder = tempFolder();
    const db = join(folder, "data.db");
    const earlier = await startBus("source", { folder });
    await earlier.call("publish_event", { event_type: "a", payload: "b" });
    await earlier.stop();
    const before = sha256(db);
    const ended = await serveUntilExit({ folder, args: ["--port", String(first.port), "--db", db] });
    expect(ended.code).toBe(1);
    expect(ended.stderr).toContain(`The port ${first.port}`);
    expect(sha256(db)).toBe(before);
    expect(filesIn(folder).filter((name) => name.endsWith(".pid"))).toEqual([]);
    const third = await startBus("source", { folder });
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

  test("when the address is not one of this machine", async () => {
    const folder = tempFolder();
    const args = ["--port", "0", "--host", "192.0.2.1", "--db", join(folder, "data.db")];
    const ended = await serveUntilExit({ folder, args });
    expect(ended.code).toBe(1);
    expect(ended.stderr).toBe(
      "agent-event-bus: 192.0.2.1 is not an address of this machine. Choose another --host.\n",
    );
  });
});

describe("wrong usage exits with 2 and names what is wrong, before anything is made", () => {
  const wrong: readonly (readonly [argv: string[], env: Record<string, string>, says: RegExp])[] = [
    [["--prot", "1"], {}, /--prot/],
    [["--port"], {}, /--port needs a value/],
    [["--port", "http"], {}, /port "http".*--port or PORT/],
    [["--port", "65536"], {}, /port "65536"/],
    [["--port=-1"], {}, /port "-1"/],
    [["--json=yes"], {}, /--json takes no value/],
    [["now"], {}, /no further word/],
    [[], { PORT: "8o8o" }, /port "8o8o"/],
    [["--port", ALL_HOSTILE.replaceAll("\x00", "")], {}, /is not a number from 0 to 65535/],
  ];
  test.each(wrong)("%j %j", async (argv, env, says) => {
    const folder = tempFolder();
    const ended = await serveUntilExit({ folder, args: argv, env });
    expect(ended).toMatchObject({ code: 2, stdout: "" });
    expect(ended.stderr).toMatch(says);
    expect(ended.stderr).toContain("serve --help");
    expect(unsafeIn(ended.stderr)).toEqual([]);
    expect(ended.stderr.trim().split("\n")).toHaveLength(1);
    expect(ended.ms).toBeLessThan(WITHIN_MS);
    expect(filesIn(folder)).toEqual([]);
  });

  test("an odd line in settings.env, with its number", async () => {
    const folder = tempFolder();
    const data = join(folder, ".claude", "contrib", "agent-event-bus");
    mkdirSync(data, { recursive: true });
    writeFileSync(join(data, "settings.env"), "PORT=0\nthis is odd\n");
    const ended = await serveUntilExit({ folder });
    expect(ended.code).toBe(2);
    expect(ended.stderr).toMatch(/settings\.env, line 2: "this is odd" is not KEY=VALUE/);
    expect(existsSync(join(data, "data.db"))).toBe(false);
  });
});

describe("what the bus starts with", () => {
  test("a log that cannot be written costs one line on stderr and no call", async () => {
    const folder = tempFolder();
    mkdirSync(join(folder, "folder.log"));
    const bus = await startBus("source", {
      folder,
      env: { AGENT_EVENT_BUS_LOG: join(folder, "folder.log"), AGENT_EVENT_BUS_ERR: "/proc/nowhere/bus.err" },
    });
    for (let i = 1; i <= 5; i++)
      expect(await bus.call("publish_event", { event_type: "a", payload: "b" })).toMatchObject({
        event_id: i,
      });
    expect(await bus.stop()).toBe(0);
    const told = await new Response(bus.process.stderr).text();
    expect(told.trim().split("\n")).toHaveLength(1);
    expect(told).toContain(`cannot write ${join(folder, "folder.log")}`);
  });

  test("data of its own in the data directory, for the owner only", async () => {
    const folder = tempFolder();
    chmodSync(folder, 0o755);
    const data = join(folder, ".claude", "contrib", "agent-event-bus");
    const child = Bun.spawn([process.execPath, join(import.meta.dir, "../../src/main.ts"), "serve"], {
      cwd: folder,
      stdout: "pipe",
      env: { PATH: process.env.PATH ?? "", HOME: folder, PORT: "0" },
    });
    for await (const _ of child.stdout) break;
    const modes = Bun.spawnSync(["find", data, "-printf", "%f %m\n"])
      .stdout.toString()
      .trim()
      .split("\n")
      .sort();
    child.kill("SIGTERM");
    expect(await child.exited).toBe(0);
    expect(modes).toContain("agent-event-bus 700");
    expect(modes).toContain("data.db 600");
    expect(modes.filter((line) => !/ (600|700)$/.test(line))).toEqual([]);
    console.log(modes.join(", "));
  });
});
