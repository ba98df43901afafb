import { Database } from "bun:sqlite";
import { afterAll, beforeAll, describe, expect } from "bun:test";
import { copyFileSync, existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { binary } from "../support/binary.ts";
import { tempFolder } from "../support/folder.ts";
import { PATIENT } from "../support/hooks.ts";
import { closeLan, type Lan, skipsLan, startLan } from "../support/lan.ts";
import type { Namespace } from "../support/netns.ts";
import { treeOf } from "../support/tree.ts";
import { newClient, TIMEOUT_MS, testWithClaude } from "./converse.ts";

const SERVER = "10.79.0.1";
const TOOL = "mcp__agent-event-bus__";

let lan: Lan;

/** A model that makes these calls, on that machine. */
async function startScripted({ inside }: Namespace, calls: readonly [tool: string, input: object][]) {
  const script = join(import.meta.dir, "../support/scripted_model.ts");
  const child = Bun.spawn([...inside, process.execPath, script, JSON.stringify(calls)], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  afterAll(() => child.kill("SIGKILL"));
  const lines = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  const line = async (): Promise<string> => {
    for (let end = text.indexOf("\n"); ; end = text.indexOf("\n")) {
      const first = text.slice(0, end);
      if (end !== -1) text = text.slice(end + 1);
      if (end !== -1) return first;
      const { value, done } = await lines.read();
      if (done) throw new Error("the model ended");
      text += value;
    }
  };
  return { url: await line(), line };
}

function eventsOf(db: string): { event_type: string; payload: string; origin: string }[] {
  const file = new Database(db, { readonly: true });
  try {
    return file.query("SELECT event_type, payload, origin FROM events ORDER BY id").all() as ReturnType<
      typeof eventsOf
    >;
  } finally {
    file.close();
  }
}

describe.skipIf(skipsLan("a client on another machine"))("with the server on one machine", () => {
  beforeAll(async () => {
    lan = await startLan({ networks: [[`${SERVER}/24`, "10.79.0.2/24"]], env: { HOST: "0.0.0.0" } });
  });
  afterAll(() => closeLan(lan));

  testWithClaude(
    "a second one that has nothing but the executable becomes a client: its Claude Code calls tools of the first",
    async () => {
      const there = lan.wire.client;
      const model = await startScripted(there, [
        [`${TOOL}list_sessions`, {}],
        [`${TOOL}publish_event`, { event_type: "note", payload: "from the second machine" }],
      ]);
      const client = newClient(model.url, tempFolder(), there.inside);
      const { home } = client;
      const executable = join(home, "agent-event-bus");
      copyFileSync(binary, executable);
      const env = { ...client.env, PATH: `${dirname(client.file)}:/usr/bin:/bin` };
      const run = (program: string, ...args: string[]) =>
        Bun.spawnSync([...there.inside, program, ...args], { env, cwd: home });
      const url = `http://${SERVER}:${lan.bus.port}/mcp`;
      const before = treeOf(home);

      const refused = run(executable, "install", "client", "--url", url);
      expect(`${refused.stderr}`).toContain("Requests from 10.79.0.2 need a token");
      expect(treeOf(home)).toEqual(before);
      const done = run(executable, "install", "client", "--url", url, "--token", String(lan.secrets.laptop));
      expect(`${done.stderr}${done.exitCode}`).toBe("0");
      expect(await client.run("mcp", "list")).toContain(`agent-event-bus: ${url} (HTTP) - ✔ Connected`);

      // In its environment: an uninstall leaves settings that were changed by hand.
      Object.assign(client.env, PATIENT);
      expect(await client.run("-p", "hello", "--allowedTools", "mcp__agent-event-bus")).toBe("done\n");
      const [sessions, published] = [JSON.parse(await model.line()), JSON.parse(await model.line())];
      // The hook has registered the session before the model's first word.
      expect(JSON.parse(sessions.text).result).toMatchObject([{ cwd: home, state: "busy" }]);
      expect(JSON.parse(published.text).event_id).toBeGreaterThan(0);
      expect(eventsOf(lan.bus.db)).toEqual(
        expect.arrayContaining([
          expect.objectContaining({ event_type: "session_registered", origin: "laptop" }),
          { event_type: "note", payload: "from the second machine", origin: "laptop" },
        ]),
      );

      const installed = join(home, ".local/bin/agent-event-bus");
      const told = run(installed, "publish", "--type", "note", "--payload", "by hand");
      expect(told.exitCode).toBe(0);
      expect(eventsOf(lan.bus.db).at(-1)).toEqual({
        event_type: "note",
        payload: "by hand",
        origin: "laptop",
      });

      expect(run(installed, "uninstall").exitCode).toBe(0);
      expect(await client.run("mcp", "list")).not.toContain("agent-event-bus");
      expect(existsSync(join(home, ".claude/settings.json"))).toBe(false);
      expect(existsSync(join(home, ".local"))).toBe(false);
    },
    TIMEOUT_MS,
  );
});
