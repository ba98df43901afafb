// The time that a real client spends around a prompt and a tool use, and the processes that it starts: without hooks, with
// the mod, with command hooks. It is driven by JSON lines, because the drawing of a terminal takes longer than all of these.
import { afterAll, beforeAll, expect } from "bun:test";
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Subprocess } from "bun";
import { fresh } from "../support/agent.ts";
import { binary } from "../support/binary.ts";
import { type ProcessBus, startBus } from "../support/bus.ts";
import { removeFolders, tempFolder } from "../support/folder.ts";
import { eventually, percentile } from "../support/webhook.ts";
import { newClient, testWithClaude } from "./converse.ts";
import { startTalker, type Talker } from "./talker.ts";

const TURNS = Number(process.env.AEB_TEST_COST_TURNS ?? 40);
const MOST_MORE_MS = 5;
const WAYS = ["none", "mod", "hooks"] as const;
const TIMEOUT_MS = 240_000;
const PATIENCE_MS = 30_000;

let bus: ProcessBus;
const ends: (() => void)[] = [];

beforeAll(async () => {
  bus = await startBus("binary", { folder: tempFolder(true), outlives: true });
}, TIMEOUT_MS);

afterAll(async () => {
  for (const end of ends) end();
  await bus.kill();
  removeFolders();
});

/** A client that answers prompts until it is ended. */
class Worker {
  readonly #model: Talker = startTalker();
  readonly #child: Subprocess<"pipe", "ignore", "ignore">;

  constructor(way: (typeof WAYS)[number], program = binary) {
    const client = newClient(this.#model.url, tempFolder(true));
    if (way === "hooks") client.installHooks(bus.url, {}, {}, program);
    else if (way === "mod") client.installPlugin(bus, {}, {}, program);
    else client.setUp(bus.url);
    const json = ["--input-format", "stream-json", "--output-format", "stream-json", "--verbose"];
    const { home: cwd, env } = client;
    this.#child = Bun.spawn([client.file, "-p", ...json, "--allowedTools", "Bash"], {
      ...{ cwd, env, stdin: "pipe", stdout: "ignore", stderr: "ignore" },
    });
    ends.push(() => {
      this.#child.kill("SIGKILL");
      this.#model.stop();
    });
  }

  /** One turn with one tool use: prompt to model called, and tool called to model called again (ms). */
  async turn(): Promise<{ prompt: number; tool: number }> {
    const { calls } = this.#model;
    const before = calls.length;
    this.#model.use("Bash", { command: "true", description: "Nothing" });
    const sent = performance.timeOrigin + performance.now();
    const message = { role: "user", content: fresh("go on") };
    this.#child.stdin.write(`${JSON.stringify({ type: "user", message })}\n`);
    await this.#child.stdin.flush();
    await eventually("both calls of the model", () => calls.length === before + 2, PATIENCE_MS);
    const [first, second] = calls.slice(before);
    if (first === undefined || second === undefined) throw new Error("the model was not called");
    return { prompt: first.at - sent, tool: second.at - first.at };
  }
}

/** The executable in a wrapper that notes each of its starts. */
function counted(): { program: string; count(): number } {
  const folder = join(tempFolder(true), "bin");
  const [program, notes] = [join(folder, "agent-event-bus"), join(folder, "starts")];
  mkdirSync(folder);
  writeFileSync(program, `#!/bin/sh\necho "$2" >>'${notes}'\nexec '${binary}' "$@"\n`);
  chmodSync(program, 0o755);
  const count = () => (existsSync(notes) ? readFileSync(notes, "utf8").trim().split("\n").length : 0);
  return { program, count };
}

const SETTLED_MS = 1_000;

/** Processes of ours that a client starts in a turn with one tool use. */
async function startsOf(way: (typeof WAYS)[number]): Promise<number> {
  const { program, count } = counted();
  const worker = new Worker(way, program);
  await worker.turn();
  await Bun.sleep(SETTLED_MS);
  const before = count();
  for (let i = 0; i < 2; i++) await worker.turn();
  await Bun.sleep(SETTLED_MS);
  return (count() - before) / 2;
}

testWithClaude(
  `a turn with the mod lasts at most ${MOST_MORE_MS} ms longer than without hooks`,
  async () => {
    const starts = await Promise.all(WAYS.map(startsOf));
    const workers = WAYS.map((way) => ({
      way,
      worker: new Worker(way),
      prompt: [] as number[],
      tool: [] as number[],
    }));
    for (const { worker } of workers) await worker.turn();
    for (let i = 0; i < TURNS; i++)
      for (const { worker, prompt, tool } of workers) {
        // The end of a turn, whose hooks may still run.
        await Bun.sleep(100);
        const ms = await worker.turn();
        prompt.push(ms.prompt);
        tool.push(ms.tool);
      }
    const rows = workers.map(({ way, prompt, tool }, i) => {
      const [ofPrompt, ofTool] = [prompt, tool].map((ms) => percentile(ms, 0.5).toFixed(1).padStart(6));
      return `${way.padEnd(6)} prompt ${ofPrompt} ms   tool use ${ofTool} ms   processes in a turn ${starts[i]}`;
    });
    console.log([`real client, medians of ${TURNS} turns:`, ...rows].join("\n"));
    const [none, mod] = workers;
    if (none === undefined || mod === undefined) throw new Error("no client");
    for (const part of ["prompt", "tool"] as const)
      expect(percentile(mod[part], 0.5)).toBeLessThanOrEqual(percentile(none[part], 0.5) + MOST_MORE_MS);
  },
  TIMEOUT_MS,
);
