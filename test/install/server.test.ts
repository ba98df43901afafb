import { describe, expect, test } from "bun:test";
import { readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { version } from "../../src/config/client.ts";
import { binary } from "../support/binary.ts";
import { startBus } from "../support/bus.ts";
import { cli } from "../support/cli.ts";
import { DATA } from "../support/home.ts";
import { isListening, type Machine, machine, ran } from "../support/installed.ts";
import { health } from "../support/process.ts";
import { put, treeOf } from "../support/tree.ts";

/** Files that a running bus writes. */
const ALIVE = [
  "data.db",
  "data.db-wal",
  "data.db-shm",
  "data.db.lock",
  "data.db.pid",
  "agent-event-bus.log",
].map((name) => `${DATA}/${name}`);

const restarts = ({ manager }: Machine) =>
  manager.calls().filter((call) => call.startsWith("--user restart"));

describe("in a fresh HOME with a space and a % in its name", () => {
  const made = machine("ho me 100%h");

  test("a dry run changes nothing and says what it would do", async () => {
    const { home, run, port } = await made;
    const { code, steps, stdout } = await run("install", "server", "--port", String(port), "--dry-run");
    expect(code).toBe(0);
    expect(steps).toMatchObject({
      binary: "would do",
      settings: "would do",
      service: "would do",
      hooks: "would do",
    });
    expect(stdout).toContain(`PORT=${port} in `);
    expect(treeOf(home)).toEqual({ "/": "755" });
  });

  test("install, again, a HOST changed by hand, again, uninstall: nothing is left but the data", async () => {
    const it = await made;
    const { home, run, port, program, data } = it;
    const first = await run("install", "server", "--port", String(port), "--yes");
    expect(first).toMatchObject({ code: 0, stderr: "" });
    expect(first.steps).toMatchObject({ binary: "done", settings: "done", service: "done", hooks: "done" });
    expect(first.stdout).toContain(`'export PATH="$HOME/.local/bin:$PATH"' >> ~/.zshrc`);
    expect(await health({ port })).toMatchObject({ status: "ok", version });
    expect(readFileSync(program).equals(readFileSync(binary))).toBe(true);
    expect(restarts(it)).toHaveLength(1);

    const installed = treeOf(home, ALIVE);
    const again = await run("install", "server", "--yes");
    expect(again.code).toBe(0);
    expect([...new Set(Object.values(again.steps))].sort()).toEqual(["skipped", "unchanged"]);
    expect(treeOf(home, ALIVE)).toEqual(installed);
    expect(restarts(it)).toHaveLength(0);

    const settings = join(data, "settings.env");
    writeFileSync(settings, `# by hand\nHOST=localhost\n${readFileSync(settings, "utf8")}`);
    const kept = readFileSync(settings, "utf8");
    const after = await run("install", "server", "--yes");
    expect(after.steps).toMatchObject({ binary: "unchanged", settings: "unchanged", service: "done" });
    expect(readFileSync(settings, "utf8")).toBe(kept);
    expect((await run("install", "server", "--yes")).steps).toMatchObject({ service: "unchanged" });

    const gone = await ran([program, "uninstall", "--yes"], it.env);
    expect(gone).toMatchObject({ code: 0, stderr: "" });
    expect(await isListening(port)).toBe(false);
    expect(Object.keys(treeOf(home, [DATA]))).toEqual(["/", ".claude/", ".claude/contrib/"]);
    expect(readFileSync(settings, "utf8")).toBe(kept);
    expect(it.manager.calls().at(-1)).toBe("--user reset-failed agent-event-bus.service");

    const twice = await run("uninstall", "--yes");
    expect([twice.code, ...new Set(Object.values(twice.steps))]).toEqual([0, "unchanged"]);
  });
});

describe("in a HOME that had things before", () => {
  const made = machine();
  const KEEP = [DATA, ".claude/contrib"];

  test("they are back after an uninstall as they were, each with its mode and its time", async () => {
    const { home, run, port } = await made;
    put(join(home, ".local/bin/agent-event-bus"), "#!/bin/sh\necho a program of the same name\n", 0o700);
    put(join(home, ".local/bin/other"), "x", 0o755);
    symlinkSync("other", join(home, ".local/bin/agent-event-bus-cli"));
    put(join(home, ".claude/settings.json"), '{\n  // mine\n  "model": "opus",\n}\n', 0o600);
    put(join(home, ".config/systemd/user/other.service"), "[Service]\nExecStart=/bin/true\n");
    const before = treeOf(home, KEEP);
    const first = await run("install", "server", "--port", String(port), "--yes");
    expect(first).toMatchObject({ code: 0, stderr: "" });
    expect(await health({ port })).toMatchObject({ version });
    expect((await run("uninstall", "--yes")).code).toBe(0);
    expect(treeOf(home, KEEP)).toEqual(before);
  });
});

describe("what the machine has already", () => {
  test("a stranger at the port is refused with another port, and nothing is changed", async () => {
    const { home, run } = await machine();
    const stranger = createServer((socket) => socket.end("HTTP/1.1 418 no\r\n\r\nI am a teapot"));
    await new Promise<void>((resolve) => stranger.listen(0, "127.0.0.1", resolve));
    const { port } = stranger.address() as { port: number };
    const { code, stderr, stdout } = await run("install", "server", "--port", String(port), "--yes");
    stranger.close();
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    const [, free] = /--port (\d+)\.\n$/.exec(stderr) ?? [];
    expect(stderr).toBe(
      `agent-event-bus: Port ${port} on 127.0.0.1 is taken by another program (it answers HTTP 418: I am a teapot). Stop it, or install with another --port: --port ${free}.\n`,
    );
    // The next one that no program of this machine has.
    expect(Number(free)).toBeGreaterThan(port);
    expect(treeOf(home)).toEqual({ "/": "755" });
  });

  test("so is a bus that was started by hand, by its number; and another person's", async () => {
    const { home, run, data, port } = await machine();
    const bus = await startBus("binary", { folder: home, args: ["--db", join(data, "data.db")] });
    const before = treeOf(home, [...ALIVE, "bus.log"]);
    const { code, stderr } = await run("install", "server", "--port", String(port), "--yes");
    expect(code).toBe(1);
    expect(stderr).toMatch(new RegExp(`\\(process ${bus.process.pid}\\)\\. Stop it \\(\\S+ stop\\)`));
    expect(treeOf(home, [...ALIVE, "bus.log"])).toEqual(before);
    const other = await machine();
    const refused = await other.run("install", "server", "--port", String(bus.port), "--yes");
    expect(refused.stderr).toContain("Another agent-event-bus with its own database answers at");
    await bus.stop();
  });

  test("an address that other machines reach needs a token first; a client is no server", async () => {
    const it = await machine();
    const refused = await it.run("install", "server", "--host", "0.0.0.0", "--yes");
    expect(refused.code).toBe(1);
    const line = /First make one: (.*?)\. Or listen/.exec(refused.stderr)?.[1] ?? "";
    expect(treeOf(it.home)).toEqual({ "/": "755" });
    expect((await ran(["sh", "-c", line], it.env)).code).toBe(0);
    const dry = await it.run(
      "install",
      "server",
      "--host",
      "0.0.0.0",
      "--port",
      String(it.port),
      "--dry-run",
    );
    expect(dry.code).toBe(0);
    put(join(it.data, "settings.env"), "AGENT_EVENT_BUS_URL=http://my-server:8080/mcp\n", 0o600);
    expect((await it.run("install", "server")).stderr).toContain(
      "This machine is a client of http://my-server:8080/mcp (AGENT_EVENT_BUS_URL in settings.env). To make it the server, first run: agent-event-bus uninstall --client",
    );
  });

  test("settings that cannot be read or used, a host of no machine, and sources are refused", async () => {
    const it = await machine();
    put(join(it.data, "settings.env"), "PORT=8080\nodd\n");
    expect((await it.run("install", "server")).stderr).toContain(
      'settings.env, line 2: "odd" is not KEY=VALUE.',
    );
    put(join(it.data, "settings.env"), "PORT=many\n");
    expect((await it.run("install", "server")).stderr).toContain('The port "many" is not a number');
    put(join(it.data, "settings.env"), "AGENT_EVENT_BUS_AUTH_DISABLED=1\n");
    const far = await it.run("install", "server", "--host", "192.0.2.1", "--port", String(it.port));
    expect(far.stderr).toContain(
      "HOST is 192.0.2.1, which is not an address of this machine (EADDRNOTAVAIL).",
    );
    const sources = await cli(["install", "server"], { kind: "source" });
    expect(sources.stderr).toContain("npm run build");
    expect(Object.keys(treeOf(it.home, [`${DATA}/settings.env`]))).toEqual([
      "/",
      ".claude/",
      ".claude/contrib/",
      `${DATA}/`,
    ]);
  });

  test("a HOME that cannot be written", async () => {
    const { home, env } = await machine();
    const script =
      'mount --bind "$HOME" "$HOME" && mount -o remount,ro,bind "$HOME" && exec "$0" install server --yes';
    const sealed = await ran(["unshare", "-rm", "sh", "-c", script, binary], {
      ...env,
      PATH: `${env.PATH}:${process.env.PATH}`,
    });
    if (/unshare/.test(sealed.stderr))
      return console.log("skipped: a read-only HOME: no namespace can be made");
    expect(sealed).toMatchObject({ code: 1, stdout: "" });
    expect(sealed.stderr).toBe(
      `agent-event-bus: ${home} cannot be changed: it is on a read-only file system. Make it writable, then run this again.\n`,
    );
  });

  test("without a service manager the bus runs in the background, through an update, until it is stopped", async () => {
    const { home, env, program, port, data } = await machine();
    const bare = { ...env, PATH: "/nowhere" };
    const pid = () => Number(readFileSync(join(data, "data.db.pid"), "utf8"));
    const install = (...more: string[]) => ran([binary, "install", "server", "--yes", ...more], bare);
    const done = await install("--port", String(port));
    expect(done.steps).toMatchObject({ binary: "done", settings: "done", service: "skipped", bus: "done" });
    expect(done.stdout).toContain(`bus       runs in the background at http://127.0.0.1:${port}/mcp\n`);
    expect(done.stdout).toContain(`after a restart of this machine run ${program} start\n`);
    expect(await health({ port })).toMatchObject({ version });
    const first = pid();
    expect((await install()).steps).toMatchObject({ bus: "unchanged" });
    expect((await install("--host", "localhost")).steps).toMatchObject({ settings: "done", bus: "done" });
    expect(pid()).not.toBe(first);
    expect((await ran([program, "restart"], bare)).stdout).toStartWith(
      "Restarted in the background: process ",
    );
    expect((await ran([program, "stop"], bare)).code).toBe(0);
    expect(await isListening(port)).toBe(false);
    expect((await ran([program, "uninstall", "--yes"], bare)).code).toBe(0);
    expect(Object.keys(treeOf(home, [DATA]))).toEqual(["/", ".claude/", ".claude/contrib/"]);
  });

  test("HOST and PORT of the shell are kept in settings.env, and the service listens there", async () => {
    const it = await machine();
    const shell = { ...it.env, PORT: String(it.port), HOST: "localhost" };
    const plan = await ran([binary, "install", "server", "--dry-run"], shell);
    expect(plan.stdout).toContain(`HOST=localhost, PORT=${it.port} in ${it.data}/settings.env`);
    const done = await ran([binary, "install", "server", "--yes"], shell);
    expect(done).toMatchObject({ code: 0, stderr: "" });
    expect(readFileSync(join(it.data, "settings.env"), "utf8")).toBe(`HOST=localhost\nPORT=${it.port}\n`);
    expect(await health({ port: it.port })).toMatchObject({ version });
    expect((await it.run("install", "server", "--yes")).steps).toMatchObject({ settings: "unchanged" });
    const flag = await ran([binary, "install", "server", "--port", "1", "--dry-run"], shell);
    expect(flag.stdout).toContain("PORT=1 in ");
    const wrong = await ran([binary, "install", "server", "--dry-run"], { ...shell, PORT: "http" });
    expect([wrong.code, wrong.stderr]).toEqual([
      78,
      expect.stringContaining('The port "http" is not a number'),
    ]);
  });
});

test("where the person is logged out of their services at the end, it says what keeps the bus", async () => {
  const it = await machine();
  put(join(it.manager.folder, "loginctl"), "#!/bin/sh\necho no\n", 0o755);
  const args = ["install", "server", "--no-hooks", "--no-mcp", "--port", String(it.port)];
  expect((await it.run(...args)).stdout).toMatch(/To keep it running: loginctl enable-linger \S+$/m);
  put(join(it.manager.folder, "loginctl"), "#!/bin/sh\necho yes\n", 0o755);
  expect((await it.run(...args)).stdout).not.toContain("linger");
});
