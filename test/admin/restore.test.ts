import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ProcessBus } from "../support/bus.ts";
import { bash, type CliResult } from "../support/cli.ts";
import { tempFolder } from "../support/folder.ts";
import { DATA, startAtHome } from "../support/home.ts";
import { rpc } from "../support/rpc.ts";
import { deliveriesOf, eventually, hook } from "../support/webhook.ts";

// A backup and its return by hand, as it was done before `backup DIR` and `restore`.
const BACKUP = `
mkdir -p -m 700 ~/bus-backup
agent-event-bus backup ~/bus-backup/data.db
cp -a ~/.claude/contrib/agent-event-bus/data.db.tokens ~/bus-backup/
cp -a ~/.claude/contrib/agent-event-bus/settings.env ~/bus-backup/
`;
const RESTORE = `
mkdir -p -m 700 ~/.claude/contrib/agent-event-bus
cd ~/.claude/contrib/agent-event-bus
cp ~/bus-backup/data.db data.db
rm -f data.db-wal data.db-shm
agent-event-bus check
agent-event-bus serve
`;
const NEW_MACHINE = `
cp -a ~/bus-backup/data.db.tokens ~/bus-backup/settings.env ~/.claude/contrib/agent-event-bus/
`;

/** A HOME with the data directory of a bus. */
class Home {
  readonly path = tempFolder();
  readonly data = join(this.path, DATA);
  readonly db = join(this.data, "data.db");

  start(): Promise<ProcessBus> {
    return startAtHome(this.path);
  }

  run(script: string): Promise<CliResult> {
    return bash(script, { kind: "binary", home: this.path, env: { PORT: "0" } });
  }

  /** Runs a block that ends with `serve`. Resolves when the bus listens. */
  async serve(script: string): Promise<{ url: string; stop(): Promise<CliResult> }> {
    const log = join(this.data, "agent-event-bus.log");
    const starts = () =>
      existsSync(log) ? [...readFileSync(log, "utf8").matchAll(/listening on ([^\s,]+)/g)] : [];
    const before = starts().length;
    const running = this.run(script);
    const ended = running.then(({ stdout, stderr }) => {
      throw new Error(`it ended: ${stdout}${stderr}`);
    });
    await Promise.race([ended, eventually("it listens", () => starts().length > before, 30_000)]);
    ended.catch(() => {});
    const stop = () => {
      process.kill(Number(readFileSync(`${this.db}.pid`, "utf8")), "SIGTERM");
      return running;
    };
    return { url: starts().at(-1)?.[1] ?? "", stop };
  }
}

type Asked = { call: ProcessBus["call"] };

function asked(url: string, token?: string): Asked {
  return {
    async call(name, args = {}) {
      const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` };
      const params = { name, arguments: args };
      const { status, message } = await rpc(
        url,
        { jsonrpc: "2.0", id: 1, method: "tools/call", params },
        headers,
      );
      return message?.result?.structuredContent ?? status;
    },
  };
}

async function everything(bus: Asked) {
  const { events } = await bus.call("get_events", { limit: 1_000, order: "asc" });
  const { result: sessions } = await bus.call("list_sessions");
  const hooks = (await bus.call("list_webhooks", { active_only: false })).result;
  return {
    events,
    sessions: sessions.map(({ session_id, name, cursor }: Record<string, unknown>) => ({
      session_id,
      name,
      cursor,
    })),
    webhooks: hooks.map(({ webhook_id, url, has_secret }: Record<string, unknown>) => ({
      webhook_id,
      url,
      has_secret,
    })),
    deliveries: (await deliveriesOf(bus as ProcessBus, 1)).map(({ event_id, state }) => ({
      event_id,
      state,
    })),
  };
}

async function fill(bus: ProcessBus): Promise<void> {
  await hook(bus, "http://127.0.0.1:9/nobody-listens", { secret: "my-secret" });
  const { session_id } = await bus.call("register_session", {
    name: "worker",
    machine: "m",
    cwd: "/x",
    client_id: "c1",
  });
  for (let i = 0; i < 30; i++) await bus.call("publish_event", { event_type: "t", payload: `payload ${i}` });
  await bus.call("ack_events", { session_id, cursor: "17" });
  await bus.call("set_webhook_active", { webhook_id: 1, active: false });
}

describe("a backup that is put back by hand", () => {
  /** A HOME whose bus was backed up, went on, and was killed. */
  async function backedUp() {
    const home = new Home();
    const bus = await home.start();
    await fill(bus);
    const token = await home.run("agent-event-bus token create --name laptop --json");
    writeFileSync(join(home.data, "settings.env"), "AGENT_EVENT_BUS_REQUIRE_TOKEN=1\n", { mode: 0o600 });
    const before = await everything(bus);
    const backup = await home.run(`set -e\n${BACKUP}`);
    expect([backup.stderr, backup.code]).toEqual(["", 0]);
    for (let i = 0; i < 500; i++)
      await bus.call("publish_event", { event_type: "t", payload: "after the copy ".repeat(20) });
    await bus.kill();
    expect(statSync(`${home.db}-wal`).size).toBeGreaterThan(0);
    return { home, before, token: token.json().token as string };
  }

  test("everything is there again after a kill, and ids go on where none was given out since", async () => {
    const { home, before, token } = await backedUp();
    const running = await home.serve(`set -e\n${RESTORE}`);
    const bus = asked(running.url, token);
    expect(before.events).toHaveLength(31);
    expect(before.deliveries).toHaveLength(31);
    expect(before.sessions[0]).toMatchObject({ name: "worker", cursor: "17" });
    expect(await everything(bus)).toEqual(before);
    expect(await bus.call("publish_event", { event_type: "t", payload: "next" })).toMatchObject({
      event_id: 1_000_032,
    });
    const { stdout, code } = await running.stop();
    expect(stdout).toMatch(/ok +integrity +ok\n/);
    expect(stdout).toMatch(/ok +permissions/);
    expect(code).toBe(0);
    expect(statSync(home.db).mode & 0o777).toBe(0o600);
  });

  test("a new machine has the tokens and the settings too", async () => {
    const { home, before, token } = await backedUp();
    rmSync(join(home.path, ".claude"), { recursive: true });
    const [prepare = "", serve] = RESTORE.split(/^(?=agent-event-bus serve$)/m);
    expect(serve).toBeDefined();
    const running = await home.serve(`set -e\n${prepare}${NEW_MACHINE}${serve}`);
    const bus = asked(running.url, token);
    expect(await everything(bus)).toEqual(before);
    expect(await asked(running.url).call("list_sessions")).toBe(401);
    expect((await running.stop()).code).toBe(0);
    for (const [path, mode] of [
      ["", 0o700],
      ["data.db.tokens", 0o700],
      ["data.db", 0o600],
      ["settings.env", 0o600],
    ] as const)
      expect(statSync(join(home.data, path)).mode & 0o777).toBe(mode);
  });
});

describe("a copy whose place still has the log of writes of the database before", () => {
  const FORGETFUL = RESTORE.split("\n")
    .filter((line) => !line.startsWith("rm "))
    .join("\n");

  async function misplaced() {
    const home = new Home();
    const bus = await home.start();
    await fill(bus);
    const before = await everything(bus);
    await home.run("mkdir ~/bus-backup; agent-event-bus backup ~/bus-backup/data.db");
    for (let i = 0; i < 300; i++)
      await bus.call("publish_event", { event_type: "t", payload: "later ".repeat(100) });
    await bus.kill();
    return { home, before };
  }

  test("is not served: check and serve say what to remove, and then all of the copy is there", async () => {
    const { home, before } = await misplaced();
    const ran = await home.run(FORGETFUL);
    expect(ran.code).toBe(1);
    const says = `${home.db}-wal belongs to the database that was there before this copy`;
    expect(ran.stderr.split("\n").filter((line) => line.includes(says))).toHaveLength(1);
    expect(ran.stdout).toContain(says);
    expect(readFileSync(home.db).equals(readFileSync(join(home.path, "bus-backup/data.db")))).toBe(true);

    const repair = /stop the bus, then run: (rm .*)/.exec(ran.stdout)?.[1] ?? "exit 9";
    expect((await home.run(repair)).code).toBe(0);
    const running = await home.serve("agent-event-bus check && agent-event-bus serve");
    expect(await everything(asked(running.url))).toEqual(before);
    expect((await running.stop()).code).toBe(0);
  });

  test("an empty one is no obstacle: a reader of a stopped database leaves it", async () => {
    const { home, before } = await misplaced();
    await (await home.start()).stop();
    await home.run("agent-event-bus check");
    expect(statSync(`${home.db}-wal`).size).toBe(0);
    const running = await home.serve(FORGETFUL);
    expect(await everything(asked(running.url))).toEqual(before);
    expect((await running.stop()).code).toBe(0);
  });
});
