import { describe, expect, test } from "bun:test";
import { chmodSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { startBus } from "../support/bus.ts";
import { tempFolder } from "../support/folder.ts";
import { ALL_HOSTILE, unsafeIn } from "../support/hostile.ts";
import { filesIn, serveUntilExit } from "../support/serve.ts";

/** A refusal without a wait. A wait for a lock takes ten seconds. */
const WITHIN_MS = 8_000;

describe("the bus does not start, says why in one line, and exits with 1", () => {
  test("when the address is not one of this machine", async () => {
    const folder = tempFolder();
    const args = ["--port", "0", "--host", "192.0.2.1", "--db", join(folder, "data.db")];
    const env = { AGENT_EVENT_BUS_AUTH_DISABLED: "1" };
    const ended = await serveUntilExit({ folder, args, env });
    expect(ended.code).toBe(1);
    expect(ended.stderr).toBe(
      "agent-event-bus: 192.0.2.1 is not an address of this machine. Choose another --host.\n",
    );
  });
});

describe("wrong usage exits with 64, a value that cannot be used with 78; both name what is wrong, before anything is made", () => {
  const wrong: readonly (readonly [code: number, argv: string[], says: RegExp, env?: object])[] = [
    [64, ["--prot", "1"], /--prot/],
    [64, ["--port"], /--port needs a value/],
    [78, ["--port", "http"], /port "http".*--port or PORT/],
    [78, ["--port", "65536"], /port "65536"/],
    [78, ["--port=-1"], /port "-1"/],
    [64, ["--json=yes"], /--json takes no value/],
    [78, ["--db", ""], /--db needs a file/],
    [64, ["now"], /no further word/],
    [78, [], /port "8o8o"/, { PORT: "8o8o" }],
    [78, ["--port", ALL_HOSTILE.replaceAll("\x00", "")], /is not a number from 0 to 65535/],
  ];
  test.each(wrong)("%i: %j", async (code, argv, says, env = {}) => {
    const folder = tempFolder();
    const ended = await serveUntilExit({ folder, args: argv, env: { ...env } });
    expect(ended).toMatchObject({ code, stdout: "" });
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
    expect(ended.code).toBe(78);
    expect(ended.stderr).toMatch(/settings\.env, line 2: "this is odd" is not KEY=VALUE/);
    expect(existsSync(join(data, "data.db"))).toBe(false);
  });
});

describe("what the bus starts with", () => {
  test("a log that cannot be written costs one line on stderr and no call", async () => {
    const folder = tempFolder();
    mkdirSync(join(folder, "folder.log"));
    const bus = await startBus("binary", {
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
