import { describe, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { newClient, testWithClaude } from "../claude-code/converse.ts";
import { startTalker } from "../claude-code/talker.ts";
import { fresh, publish } from "../support/agent.ts";
import { startBus } from "../support/bus.ts";
import { originalName } from "../support/cli.ts";
import { tempFolder } from "../support/folder.ts";
import { outputOf } from "../support/process.ts";

// Hooks in the manner of those that the original's users have, run with the CLI under its name.
const scripts = join(import.meta.dir, "hooks");
const runs = Bun.which("jq") !== null && process.platform !== "win32";
if (!runs) console.log("skipped: the hooks of the original's users need bash and jq");

const bin = tempFolder();
await originalName(bin, "binary");
const PATH = `${bin}:${process.env.PATH ?? ""}`;

/** What a hook prints; it must end with 0. */
async function hook(name: string, url: string, input: object): Promise<string> {
  const home = tempFolder();
  const child = Bun.spawn(["bash", join(scripts, `${name}.sh`)], {
    env: { PATH, HOME: home, AGENT_EVENT_BUS_URL: url },
    stdin: new Blob([JSON.stringify(input)]),
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  expect([
    name,
    await child.exited,
    stderr.replace(/^(agent-event-bus: nothing to do: .*|Cursor acked: .*)\n/gm, ""),
  ]).toEqual([name, 0, ""]);
  return stdout;
}

const EVERY = ["session-start", "prompt", "stop", "pre-compact", "session-end"] as const;

describe.skipIf(!runs)("hooks of the original's users", () => {
  test("live a session's life: register, read once, drain, checkpoint, restore, leave", async () => {
    const bus = await startBus("binary");
    const me = { session_id: fresh("session"), cwd: "/somewhere/proj" };
    const run = (name: string, more = {}) => hook(name, bus.url, { ...me, ...more });
    expect(await run("statusline")).toBe("[no-session]");
    await publish(bus, "before");

    const started = await run("session-start", { source: "startup" });
    const [, display] = /^registered \S+ as (\S+)\n<news>\n\[1\] note \(all\)/.exec(started) ?? [];
    const { result } = await bus.call("list_sessions");
    expect(result).toMatchObject([{ session_id: me.session_id, display_id: display, name: "proj" }]);
    expect(await run("statusline")).toBe(`[${display}]`);

    expect(await run("prompt")).toBe("");
    await publish(bus, "for everyone");
    expect(await run("prompt")).toMatch(
      /^<news>\n\[3\] note \(all\) \[info\]\n {4}for everyone\n[\s\S]*<\/news>\n$/,
    );
    expect(await run("prompt")).toBe("");

    for (const text of ["one ", "two ", "three"])
      await publish(bus, text, { event_type: "help_needed", channel: `session:${me.session_id}` });
    expect(JSON.parse(await run("stop"))).toEqual({
      decision: "block",
      reason: expect.stringMatching(/^one \s*two\s*three$/),
    });
    expect(await run("stop")).toBe("");

    expect(await run("pre-compact", { trigger: "auto" })).toBe("checkpointed\n");
    expect(await run("session-start", { source: "compact" })).toContain(
      `wip_checkpoint (session:${me.session_id})`,
    );
    expect(await run("session-end", { reason: "exit" })).toBe(`left as ${me.session_id}\n`);
    expect((await bus.call("list_sessions")).result).toEqual([]);
  });

  test.each(EVERY)("%s without a bus ends with 0 and blocks nothing", async (name) => {
    const stdout = await hook(name, "http://127.0.0.1:1/mcp", {
      session_id: "s",
      cwd: "/x",
      source: "startup",
    });
    expect(stdout).toMatch(/^(not \w+\n)?$/);
  });

  test("an extension finds the document in what register prints", async () => {
    const bus = await startBus("binary");
    const line = ["agent-event-bus-cli", "--url", bus.url, "register", "--name", "pi", "--client-id", "pi-1"];
    const { stdout } = await outputOf(line, { cwd: tempFolder(), env: { PATH, HOME: tempFolder() } });
    expect(JSON.parse(/\{[\s\S]*\}/.exec(stdout)?.[0] ?? "")).toMatchObject({
      session_id: "pi-1",
      name: "pi",
    });
    const sessions = await outputOf(["agent-event-bus-cli", "--url", bus.url, "sessions"], {
      ...{ cwd: tempFolder(), env: { PATH, HOME: tempFolder() } },
    });
    expect(sessions.stdout).toMatch(/Active sessions \((\d+)\)/);
  });
});

const EVENTS = {
  SessionStart: "session-start",
  UserPromptSubmit: "prompt",
  Stop: "stop",
  SessionEnd: "session-end",
};

testWithClaude(
  "a real Claude Code with these hooks answers its prompt, and the model is shown what is new",
  async () => {
    if (!runs) return;
    const bus = await startBus("binary");
    const text = fresh("the plan changed");
    await publish(bus, text);
    const model = startTalker();
    const client = newClient(model.url);
    mkdirSync(join(client.home, ".claude"), { recursive: true });
    const hooks = Object.fromEntries(
      Object.entries(EVENTS).map(([event, name]) => [
        event,
        [{ hooks: [{ type: "command", command: `PATH='${PATH}' bash '${join(scripts, name)}.sh'` }] }],
      ]),
    );
    const settings = { env: { AGENT_EVENT_BUS_URL: bus.url }, hooks };
    writeFileSync(join(client.home, ".claude/settings.json"), JSON.stringify(settings));
    expect(await client.run("-p", "work")).toBe("done\n");
    model.stop();
    expect(model.heard("work")).toBeDefined();
    expect(model.count(text)).toBe(1);
    const { events } = await bus.call("get_events", { order: "asc" });
    const types = events.map(({ event_type }: { event_type: string }) => event_type);
    expect(types).toEqual(["note", "session_registered", "session_unregistered"]);
  },
  120_000,
);
