import { afterAll, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { binary } from "../support/binary.ts";
import { cli } from "../support/cli.ts";
import { tempFolder } from "../support/folder.ts";
import { DATA } from "../support/home.ts";
import { isListening, isServing } from "../support/installed.ts";
import { freePort } from "../support/port.ts";
import { health } from "../support/process.ts";
import { eventually } from "../support/webhook.ts";

const started: number[] = [];
afterAll(() => {
  for (const pid of started) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // It has been stopped.
    }
  }
});

/** A HOME whose bus is at a free port. */
async function place() {
  const home = tempFolder();
  const data = join(home, DATA);
  const port = await freePort();
  mkdirSync(data, { recursive: true });
  writeFileSync(join(data, "settings.env"), `PORT=${port}\n`);
  const run = async (line: string, env: Record<string, string> = {}) => {
    const ended = await cli(line.split(" "), { kind: "binary", env: { HOME: home, ...env }, cwd: home });
    const pid = Number(/process (\d+)|"pid":(\d+)/.exec(ended.stdout)?.slice(1).find(Boolean));
    if (pid > 0) started.push(pid);
    return ended;
  };
  return { home, data, port, run };
}

/** The fields of a process: state, parent, group, session, terminal. */
function fieldsOf(pid: number): string[] {
  const text = readFileSync(`/proc/${pid}/stat`, "utf8");
  return text.slice(text.lastIndexOf(")") + 2).split(" ");
}

describe("serve --detach", () => {
  test("returns once the bus answers, and the bus has a session of its own and its log for errors", async () => {
    const { run, data, port } = await place();
    const { stdout, stderr, code } = await run("serve --detach");
    expect([code, stderr]).toEqual([0, ""]);
    const pid = Number(readFileSync(join(data, "data.db.pid"), "utf8"));
    expect(stdout).toMatch(
      new RegExp(
        `^The bus runs in the background: process ${pid} answers at http://127\\.0\\.0\\.1:${port}/mcp\nLog: +~/${DATA}/agent-event-bus\\.log\nTo stop: +\\S+ stop\n$`,
      ),
    );
    expect(await health({ port })).toMatchObject({ status: "ok" });
    if (process.platform === "linux") {
      const [, , , session, terminal] = fieldsOf(pid);
      expect([session, terminal]).toEqual([String(pid), "0"]);
      expect(readlinkSync(`/proc/${pid}/fd/0`)).toBe("/dev/null");
      expect(readlinkSync(`/proc/${pid}/fd/2`)).toBe(join(data, "agent-event-bus.err"));
      expect(readlinkSync(`/proc/${pid}/cwd`)).toBe(data);
    }
    const again = await run("serve --detach --json");
    expect(again.json()).toMatchObject({ pid, already: true, url: `http://127.0.0.1:${port}/mcp` });
    expect((await run("start")).stdout).toBe(
      `The bus runs already: process ${pid} answers at http://127.0.0.1:${port}/mcp\n`,
    );
    expect((await run("stop --json")).json()).toMatchObject({ stopped: true, pid });
    expect(await isListening(port)).toBe(false);
    expect(existsSync(join(data, "data.db.pid"))).toBe(false);
  });

  test("it outlives the terminal that started it", async () => {
    const { home, data, port, run } = await place();
    const terminal = Bun.spawn(["bash", "-c", `'${binary}' serve --detach; sleep 60`], {
      ...{ cwd: home, env: { HOME: home, PATH: process.env.PATH ?? "" } },
      terminal: { cols: 80, rows: 24, data() {} },
    });
    while (!existsSync(join(data, "data.db.pid")) || !(await isServing(port))) await Bun.sleep(20);
    terminal.terminal?.close();
    terminal.kill("SIGHUP");
    await terminal.exited;
    // The port was perhaps only tried, and the bus is still starting.
    const answers = () =>
      health({ port })
        .then(({ status }) => status === "ok")
        .catch(() => false);
    await eventually("it answers", answers);
    expect((await run("stop")).code).toBe(0);
  });

  test("ten at once make one bus, and each says which", async () => {
    const { run } = await place();
    const all = await Promise.all(Array.from({ length: 10 }, () => run("serve --detach --json")));
    const pids = all.filter(({ code }) => code === 0).map(({ json }) => json().pid);
    expect(new Set(pids).size).toBe(1);
    for (const { code, stdout } of all)
      if (code !== 0) expect(JSON.parse(stdout).error).toMatch(/in use by|has the database|is taken by/);
    expect((await run("stop")).code).toBe(0);
  });

  test("another database has a command of its own to stop it", async () => {
    const { home, run } = await place();
    const port = await freePort();
    const begun = await run(`serve --detach --port ${port} --db ./other.db`);
    const db = join(home, "other.db");
    expect(begun.stdout).toMatch(new RegExp(`^To stop: +\\S+ stop --db ${db}$`, "m"));
    expect((await run("stop")).stdout).toBe("The bus does not run.\n");
    expect(await isListening(port)).toBe(true);
    expect((await run("stop --db other.db")).stdout).toMatch(/^Stopped: process \d+ has ended\.\n$/);
    expect(await isListening(port)).toBe(false);
  });

  test("a bus that cannot start leaves no process, and says why with its exit code", async () => {
    const { data, run } = await place();
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, "127.0.0.1", resolve));
    const { port } = taken.address() as { port: number };
    const rows: [string, Record<string, string>, number, RegExp][] = [
      ["serve --detach --port http", {}, 78, /The port "http" is not a number/],
      [
        "serve --detach",
        { AGENT_EVENT_BUS_WEBHOOK_ALLOW_CIDRS: "x" },
        78,
        /AGENT_EVENT_BUS_WEBHOOK_ALLOW_CIDRS: /,
      ],
      [`serve --detach --port ${port}`, {}, 1, /is taken by another program/],
      ["serve --detach --db /dev/null/x.db", {}, 1, /database/],
      ["serve --detach --detatch", {}, 64, /no flag --detatch/],
    ];
    for (const [line, env, code, says] of rows) {
      const ended = await run(line, env);
      expect([line, ended.code, ended.stdout, ended.stderr]).toEqual([
        line,
        code,
        "",
        expect.stringMatching(says),
      ]);
      expect((await run(`${line} --json`, env)).json()).toEqual({ error: expect.stringMatching(says) });
    }
    expect(existsSync(join(data, "data.db.pid"))).toBe(false);
    taken.close();
  });
});

describe("stop", () => {
  test("never ends a process that is not this bus, whatever the file beside the database says", async () => {
    const { data, run } = await place();
    const other = Bun.spawn(["sleep", "60"], { argv0: "serve" });
    writeFileSync(join(data, "data.db.pid"), `${other.pid}\n`);
    const ended = await run("stop --json");
    expect(ended.json()).toEqual({ stopped: false, pid: null, text: "The bus does not run." });
    expect(other.exitCode).toBeNull();
    await run("start");
    const pid = readFileSync(join(data, "data.db.pid"), "utf8");
    writeFileSync(join(data, "data.db.pid"), `${other.pid}\n`);
    const refused = await run("stop");
    expect([refused.code, refused.stdout]).toEqual([1, ""]);
    expect(refused.stderr).toContain(
      `is locked by process ${other.pid}, which is not a bus that can be seen from here.`,
    );
    expect(other.exitCode).toBeNull();
    writeFileSync(join(data, "data.db.pid"), pid);
    expect((await run("stop")).code).toBe(0);
    other.kill();
  });
});
