import { Database } from "bun:sqlite";
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { version } from "../../src/config/client.ts";
import { binary } from "../support/binary.ts";
import { removeFolders, tempFolder } from "../support/folder.ts";
import { DATA } from "../support/home.ts";
import { moments, rowsOf, writeOriginal } from "../support/original.ts";
import { freePort } from "../support/port.ts";
import { health } from "../support/process.ts";
import { buildRelease } from "../support/releases.ts";
import { callTool } from "../support/rpc.ts";
import { treeOf } from "../support/tree.ts";
import { noSystemd, startUserSystemd, type UserSystemd } from "../support/user_systemd.ts";

if (noSystemd !== null) console.log(`skipped: the service under a real systemd: ${noSystemd}`);

interface Place {
  home: string;
  data: string;
  program: string;
  port: number;
  systemd: UserSystemd;
}

async function place(name: string): Promise<Place> {
  const home = join(tempFolder(true), name);
  mkdirSync(home);
  const program = join(home, ".local/bin/agent-event-bus");
  const place = { home, program, data: join(home, DATA), port: await freePort() };
  const whole = { ...place, systemd: await startUserSystemd(home) };
  started.push(whole);
  return whole;
}

const started: Place[] = [];

afterAll(() => {
  for (const { systemd } of started) systemd.end();
  removeFolders();
});

const INSTALL = ["install", "server", "--no-hooks", "--no-mcp", "--yes"];

/** The ids of all events, read past the bus. */
function stored(data: string): Set<number> {
  const db = new Database(join(data, "data.db"), { readonly: true });
  const ids = db.query<{ id: number }, []>("SELECT id FROM events").all();
  db.close();
  return new Set(ids.map(({ id }) => id));
}

/** Publishes from several sides until told to stop. Returns the acknowledged ids and the longest pause (ms). */
function load(port: number): () => Promise<{ acked: number[]; pause: number }> {
  const acked: number[] = [];
  let [over, last, pause] = [false, performance.now(), 0];
  const publisher = async () => {
    while (!over) {
      try {
        const args = { event_type: "t", payload: "x".repeat(500) };
        const { structuredContent } = await callTool(`http://127.0.0.1:${port}/mcp`, "publish_event", args);
        acked.push(structuredContent.event_id);
        pause = Math.max(pause, performance.now() - last);
        last = performance.now();
      } catch {
        await Bun.sleep(5);
      }
    }
  };
  const publishers = Array.from({ length: 8 }, publisher);
  return async () => {
    over = true;
    await Promise.all(publishers);
    return { acked, pause };
  };
}

async function until(isSo: () => Promise<boolean>): Promise<void> {
  for (const end = performance.now() + 20_000; performance.now() < end; await Bun.sleep(50))
    if (await isSo().catch(() => false)) return;
  throw new Error("it did not come to pass within 20 s");
}

const answers = async ({ port }: Place, wanted: string) =>
  ((await health({ port })) as unknown as { version: string }).version === wanted;

describe.skipIf(noSystemd !== null)("under systemd, in a HOME with a space and a %", () => {
  let it: Place;
  let newer: string;
  let broken: string;
  beforeAll(async () => {
    const folder = tempFolder(true);
    newer = await buildRelease(folder, "9.0.0");
    broken = await buildRelease(folder, "9.0.1", (sources) =>
      writeFileSync(join(sources, "src/serve/serve.ts"), "export const serve = () => process.exit(2);\n"),
    );
    it = await place("ho me 100%h");
    const { code, stderr } = await it.systemd.run(binary, ...INSTALL, "--port", String(it.port));
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  });

  test("it runs, and starts at each login", async () => {
    expect(await answers(it, version)).toBe(true);
    expect(await it.systemd.property("UnitFileState")).toBe("enabled");
    expect(await it.systemd.property("ProtectSystem")).toBe("strict");
  });

  test("replacing the executable under load drops no event that was acknowledged", async () => {
    const end = load(it.port);
    await Bun.sleep(300);
    const { code, steps } = await it.systemd.run(newer, ...INSTALL);
    await Bun.sleep(300);
    const { acked, pause } = await end();
    expect({ code, steps }).toEqual({
      code: 0,
      steps: { binary: "done", settings: "unchanged", service: "done", hooks: "unchanged", mcp: "unchanged" },
    });
    expect(await answers(it, "9.0.0")).toBe(true);
    const kept = stored(it.data);
    expect(acked.filter((id) => !kept.has(id))).toEqual([]);
    expect(new Set(acked).size).toBe(acked.length);
    expect(acked.length).toBeGreaterThan(100);
    console.log(
      `replaced under load: ${acked.length} acknowledged, all there; longest pause ${Math.round(pause)} ms`,
    );
  });

  test("it comes back by itself after kill -9, with every acknowledged event", async () => {
    const end = load(it.port);
    await Bun.sleep(200);
    const former = await it.systemd.property("MainPID");
    await it.systemd.run("kill", "-9", former);
    await until(
      async () => (await it.systemd.property("MainPID")) !== former && (await answers(it, "9.0.0")),
    );
    const { acked, pause } = await end();
    const kept = stored(it.data);
    expect(acked.filter((id) => !kept.has(id))).toEqual([]);
    expect(Number(await it.systemd.property("NRestarts"))).toBe(1);
    console.log(`kill -9: ${acked.length} acknowledged, all there; back after ${Math.round(pause)} ms`);
  });

  test("a release that does not start is taken back: the former executable runs again", async () => {
    const before = treeOf(it.home, [DATA]);
    const failed = await it.systemd.run(broken, ...INSTALL);
    expect(failed.code).toBe(1);
    expect(failed.steps).toEqual({ binary: "done", settings: "unchanged", service: "FAILED" });
    expect(failed.stderr).toContain("All changes were undone.");
    await until(() => answers(it, "9.0.0"));
    expect(treeOf(it.home, [DATA])).toEqual(before);
  });

  test("a setting that cannot be used stops it once, and restart says which", async () => {
    const settings = join(it.data, "settings.env");
    const good = readFileSync(settings, "utf8");
    writeFileSync(settings, `${good}AGENT_EVENT_BUS_WEBHOOK_ALLOW_CIDRS=nonsense\n`);
    const failed = await it.systemd.run(it.program, "restart");
    expect(failed.code).toBe(1);
    expect(failed.stderr).toContain("Its log says: AGENT_EVENT_BUS_WEBHOOK_ALLOW_CIDRS: ");
    expect(await it.systemd.property("ActiveState")).toBe("failed");
    await Bun.sleep(2_500);
    expect(await it.systemd.property("NRestarts")).toBe("0");
    writeFileSync(settings, good);
    expect((await it.systemd.run(it.program, "restart")).code).toBe(0);
    expect(await answers(it, "9.0.0")).toBe(true);
  });

  test("restart works more often than a failing bus may start", async () => {
    for (let i = 0; i < 6; i++) expect((await it.systemd.run(it.program, "restart")).code).toBe(0);
  });

  test("stop lasts until start although the service restarts by itself, and both say so", async () => {
    const stopped = await it.systemd.run(it.program, "stop");
    expect([stopped.code, stopped.stdout]).toEqual([
      0,
      expect.stringMatching(
        /^Stopped: process \d+ has ended\. It starts again at your next login, or with: \S.* start\n$/,
      ),
    ]);
    await Bun.sleep(2_500);
    expect(await it.systemd.property("ActiveState")).toBe("inactive");
    expect(await it.systemd.property("UnitFileState")).toBe("enabled");
    expect((await it.systemd.run(it.program, "stop")).stdout).toBe("The bus does not run.\n");
    expect((await it.systemd.run(it.program, "status")).stderr).toMatch(/To start it: \S.* start\n$/);
    const started = await it.systemd.run(it.program, "start");
    expect([started.code, started.stdout]).toEqual([
      0,
      expect.stringMatching(/^The bus runs: process \d+ answers at /),
    ]);
    expect(await it.systemd.property("ActiveState")).toBe("active");
    expect((await it.systemd.run(it.program, "start")).stdout).toStartWith("The bus runs already: process ");
  });

  test("a service that fails again and again stays stopped after stop", async () => {
    const settings = join(it.data, "settings.env");
    const good = readFileSync(settings, "utf8");
    expect((await it.systemd.run(it.program, "stop")).code).toBe(0);
    writeFileSync(settings, `${good}AGENT_EVENT_BUS_DB=/proc/nowhere/data.db\n`);
    await it.systemd.run("systemctl", "--user", "start", "agent-event-bus.service");
    await until(async () => (await it.systemd.property("SubState")) === "auto-restart");
    expect((await it.systemd.run(it.program, "stop")).code).toBe(0);
    await Bun.sleep(2_500);
    expect(await it.systemd.property("ActiveState")).toBe("inactive");
    writeFileSync(settings, good);
    expect((await it.systemd.run(it.program, "start")).code).toBe(0);
    expect(await it.systemd.property("ActiveState")).toBe("active");
  });

  test("a bus that was started by hand gives way to the service at a restart", async () => {
    expect((await it.systemd.run(it.program, "stop")).code).toBe(0);
    expect((await it.systemd.run(it.program, "serve", "--detach")).code).toBe(0);
    expect(await it.systemd.property("ActiveState")).toBe("inactive");
    const { code, stdout } = await it.systemd.run(it.program, "restart");
    expect([code, stdout]).toEqual([0, expect.stringMatching(/^Restarted: process \d+ answers at /)]);
    expect(await it.systemd.property("ActiveState")).toBe("active");
  });

  test("an uninstall leaves nothing but the data, and systemd knows no such unit", async () => {
    expect((await it.systemd.run(it.program, "uninstall", "--yes")).code).toBe(0);
    expect(Object.keys(treeOf(it.home, [DATA]))).toEqual(["/", ".claude/", ".claude/contrib/"]);
    expect(await it.systemd.property("LoadState")).toBe("not-found");
    expect(await it.systemd.property("ActiveState")).toBe("inactive");
  });
});

// Listens at PORT like the original, and answers nothing that the bus would.
const ORIGINAL = `import http.server, os
http.server.ThreadingHTTPServer.allow_reuse_address = True
http.server.ThreadingHTTPServer((os.environ["HOST"], int(os.environ["PORT"])), http.server.BaseHTTPRequestHandler).serve_forever()
`;

describe.skipIf(noSystemd !== null || Bun.which("python3") === null)(
  "where the Python original is a service",
  () => {
    test("it is replaced, its database and settings are taken over, and copies are kept", async () => {
      const it = await place("home");
      const { home, data, port, systemd } = it;
      const project = join(home, "project");
      const unit = join(home, ".config/systemd/user/agent-event-bus.service");
      mkdirSync(join(project, "src/agent_event_bus"), { recursive: true });
      mkdirSync(join(unit, ".."), { recursive: true });
      mkdirSync(join(home, ".local/bin"), { recursive: true });
      mkdirSync(data, { recursive: true });
      writeFileSync(join(project, "src/agent_event_bus/server.py"), ORIGINAL);
      symlinkSync(
        join(project, ".venv/bin/agent-event-bus-cli"),
        join(home, ".local/bin/agent-event-bus-cli"),
      );
      const db = join(data, "elsewhere/events.db");
      mkdirSync(join(db, ".."));
      writeOriginal(db, 5, "UTC", moments(50));
      const theirs = `[Unit]
Description=Agent Event Bus
[Service]
WorkingDirectory=${project}
Environment=PYTHONPATH=${project}/src HOST=127.0.0.1 PORT=${port}
Environment=AGENT_EVENT_BUS_DB=${db}
Environment=AGENT_EVENT_BUS_LOG=__LOG_FILE__
ExecStart=${Bun.which("python3")} -m agent_event_bus.server
Restart=always
[Install]
WantedBy=default.target
`;
      writeFileSync(unit, theirs);
      await systemd.run("systemctl", "--user", "daemon-reload");
      await systemd.run("systemctl", "--user", "enable", "--now", "agent-event-bus");
      await until(async () => (await fetch(`http://127.0.0.1:${port}/`)).status === 501);
      const before = rowsOf(db, "events").map(({ id }) => id);

      const done = await systemd.run(binary, ...INSTALL);
      expect({ code: done.code, stderr: done.stderr }).toEqual({ code: 0, stderr: "" });
      expect(done.stdout).toContain("Replaces the service that ran ");
      expect(await answers(it, version)).toBe(true);
      expect(readFileSync(join(data, "settings.env"), "utf8")).toBe(
        `PORT=${port}\nAGENT_EVENT_BUS_DB=${db}\n`,
      );
      expect(
        rowsOf(db, "events")
          .map(({ id }) => id)
          .slice(0, before.length),
      ).toEqual(before);
      expect((await systemd.run(binary, ...INSTALL)).steps).toMatchObject({ service: "unchanged" });

      const gone = await systemd.run(it.program, "uninstall", "--yes");
      const kept = readdirSync(join(data, "backups")).map((name) => join(data, "backups", name));
      expect(kept).toHaveLength(2);
      for (const copy of kept) expect(gone.stdout).toContain(copy);
      const copyOfUnit = kept.find((path) => path.includes(".service.")) ?? "";
      expect(readFileSync(copyOfUnit, "utf8")).toBe(theirs);
      expect(lstatSync(kept.find((path) => path !== copyOfUnit) ?? "").isSymbolicLink()).toBe(true);
      expect(existsSync(unit)).toBe(false);
      expect(existsSync(db)).toBe(true);
    });
  },
);
