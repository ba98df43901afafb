// The repository as a marketplace: its plugin needs no program of the bus.
import { afterAll, expect } from "bun:test";
import { mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { fresh } from "../support/agent.ts";
import { type ProcessBus, root, startBus } from "../support/bus.ts";
import { removeFolders, tempFolder } from "../support/folder.ts";
import { eventually } from "../support/webhook.ts";
import { newClient, testAtTerminal } from "./converse.ts";
import { heard, PATIENCE_MS } from "./desk.ts";
import { startTalker } from "./talker.ts";
import { Terminal, Tmux } from "./terminal.ts";

const TIMEOUT_MS = 180_000;
const DATA = ".claude/contrib/agent-event-bus";
const PUBLISH = "mcp__plugin_agent-event-bus_bus__publish_event";

const tmux = new Tmux();
const model = startTalker();
let bus: ProcessBus | undefined;

afterAll(async () => {
  tmux.end();
  model.stop();
  await bus?.kill();
  removeFolders();
});

testAtTerminal(
  "the plugin of the marketplace wakes a session and brings the tools, with no program of the bus",
  async () => {
    bus = await startBus("binary", { folder: tempFolder(true), outlives: true });
    const client = newClient(model.url, tempFolder(true));
    const clone = join(tempFolder(true), "agent-event-bus");
    expect(Bun.spawnSync(["git", "clone", "--quiet", root, clone]).success).toBe(true);
    expect(await client.run("plugin", "validate", clone)).toContain("Validation passed");
    await client.run("plugin", "marketplace", "add", clone);
    await client.run(
      ...["plugin", "install", "agent-event-bus@agent-event-bus", "--config", `url=${bus.url}`],
    );
    expect(await client.run("mcp", "list")).toMatch(/plugin:agent-event-bus:bus: .* Connected/);
    // The mod trusts a bus of this machine by its socket in the user's own folder.
    mkdirSync(join(client.home, ".claude/contrib"), { recursive: true });
    symlinkSync(join(bus.folder, DATA), join(client.home, DATA));

    const terminal = await Terminal.open(tmux, "m", client, ["--allowedTools", PUBLISH]);
    const { call } = bus;
    const session = async () => (await call("list_sessions")).result[0];
    await eventually("it can be woken", async () => (await session())?.reach === "wakes", PATIENCE_MS);
    expect((await session()).rung).toBe("mod");
    await terminal.type("half a draft");
    const payload = fresh("from the marketplace");
    model.use(PUBLISH, { event_type: "note", payload });
    const text = fresh("wake up");
    await call("publish_event", {
      ...{ event_type: "question", payload: text },
      channel: `session:${(await session()).session_id}`,
    });
    await heard({ name: "m", client, model, terminal }, text);
    const said = async () => (await call("get_events", { event_types: ["note"] })).events[0];
    await eventually("it publishes", async () => (await said()) !== undefined, PATIENCE_MS);
    expect(await said()).toMatchObject({ payload, session_id: (await session()).session_id });
    expect(terminal.screen()).toMatch(/❯\shalf a draft/);
    expect(model.count(text)).toBe(1);
  },
  TIMEOUT_MS,
);
