// The time that a real client spends around a prompt and a tool use, and the processes that it starts: without hooks, with
// the mod, with command hooks. The client is interactive, because the mod watches the inbox of such a session only.
import { afterAll, beforeAll, expect } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Subprocess } from "bun";
import { fresh } from "../support/agent.ts";
import { binary } from "../support/binary.ts";
import { type ProcessBus, startBus } from "../support/bus.ts";
import { removeFolders, tempFolder } from "../support/folder.ts";
import { eventually, percentile } from "../support/webhook.ts";
import { newClient, testWithClaude } from "./converse.ts";
import { noted } from "./noted.ts";
import { startTalker, type Talker } from "./talker.ts";
import { answerFirstQuestions } from "./terminal.ts";

const TURNS = Number(process.env.AEB_TEST_COST_TURNS ?? 10);
/** Between two turns of a client, whose hooks may still run. */
const REST_MS = 400;
/** A client has drawn a typed prompt by then. */
const TYPED_MS = 100;
/** `least`: a mod that does nothing. */
const WAYS = ["none", "least", "mod", "hooks"] as const;
type Way = (typeof WAYS)[number];
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

/** A client at a terminal that answers prompts until it is ended. */
class Worker {
  readonly #model: Talker = startTalker();
  readonly #child: Subprocess;
  /** Written to the terminal since the last prompt was typed. */
  #written = "";

  constructor(way: Way, program = binary) {
    const client = newClient(this.#model.url, tempFolder(true));
    if (way === "hooks") client.installHooks(bus.url, {}, {}, program);
    else if (way === "none") client.setUp(bus.url);
    else client.installPlugin(bus, {}, {}, program);
    if (way === "least") makeLeast(client.plugin);
    answerFirstQuestions(client);
    const { home: cwd, env, inside, file } = client;
    const decoder = new TextDecoder();
    this.#child = Bun.spawn([...inside, file, "--permission-mode", "default", "--allowedTools", "Bash"], {
      ...{ cwd, env: { ...env, TERM: "xterm-256color" } },
      terminal: {
        ...{ cols: 100, rows: 30 },
        data: (_, bytes) => {
          this.#written += decoder.decode(bytes);
        },
      },
    });
    ends.push(() => {
      this.#child.kill("SIGKILL");
      this.#model.stop();
    });
  }

  /** Waits until the client takes prompts. */
  starts(): Promise<void> {
    return this.#shows("❯");
  }

  /** One turn with one tool use: prompt sent to model called, and tool called to model called again (ms). */
  async turn(): Promise<{ prompt: number; tool: number }> {
    const { calls } = this.#model;
    const before = calls.length;
    this.#model.use("Bash", { command: "true", description: "Nothing" });
    const text = fresh("go-on");
    this.#written = "";
    this.#child.terminal?.write(text);
    await this.#shows(text);
    await Bun.sleep(TYPED_MS);
    const sent = performance.timeOrigin + performance.now();
    this.#child.terminal?.write("\r");
    await eventually("both calls of the model", () => calls.length === before + 2, PATIENCE_MS);
    const [first, second] = calls.slice(before);
    if (first === undefined || second === undefined) throw new Error("the model was not called");
    return { prompt: first.at - sent, tool: second.at - first.at };
  }

  #shows(text: string): Promise<void> {
    return eventually(`${text} at the terminal`, () => this.#written.includes(text), PATIENCE_MS);
  }
}

/** Makes a plugin's mod and its command hooks do nothing. */
function makeLeast(plugin: string): void {
  const hooks = join(plugin, "hooks/hooks.json");
  writeFileSync(hooks, readFileSync(hooks, "utf8").replace(/"command": ".*"/g, '"command": "true"'));
  const register = ["UserPromptSubmit", "PostToolUse", "Stop"].map(
    (name) => `on("classic.${name}", ($, e, next) => next(e));`,
  );
  writeFileSync(join(plugin, "hooks/register.js"), `export function register(on) { ${register.join(" ")} }`);
}

const SETTLED_MS = 1_000;

/** Processes of ours that a client starts in a turn with one tool use. */
async function startsOf(way: Way): Promise<number> {
  const { program, starts } = noted();
  const worker = new Worker(way, program);
  await worker.starts();
  await worker.turn();
  await Bun.sleep(SETTLED_MS);
  const before = starts().length;
  for (let i = 0; i < 2; i++) await worker.turn();
  await Bun.sleep(SETTLED_MS);
  return (starts().length - before) / 2;
}

testWithClaude(
  "with the mod a turn starts fewer processes than with hooks, and a tool use takes less time",
  async () => {
    const starts = await Promise.all(WAYS.map(startsOf));
    const workers = WAYS.map((way) => ({
      way,
      worker: new Worker(way),
      prompt: [] as number[],
      tool: [] as number[],
    }));
    await Promise.all(workers.map(({ worker }) => worker.starts()));
    // The mod watches from then on, and has read what there is.
    for (let i = 0; i < 2; i++) {
      for (const { worker } of workers) await worker.turn();
      await Bun.sleep(SETTLED_MS);
    }
    for (let i = 0; i < TURNS; i++)
      for (const { worker, prompt, tool } of workers) {
        await Bun.sleep(REST_MS);
        const ms = await worker.turn();
        prompt.push(ms.prompt);
        tool.push(ms.tool);
      }
    const rows = workers.map(({ way, prompt, tool }, i) => {
      const [ofPrompt, ofTool] = [prompt, tool].map((ms) => percentile(ms, 0.5).toFixed(1).padStart(6));
      return `${way.padEnd(6)} prompt ${ofPrompt} ms   tool use ${ofTool} ms   processes in a turn ${starts[i]}`;
    });
    console.log([`real client, medians of ${TURNS} turns:`, ...rows].join("\n"));
    const [none, , mod = 0, hooks] = starts;
    expect(none).toBe(0);
    expect(mod).toBeLessThan(hooks ?? 0);
    const toolOf = (way: Way) => percentile(workers.find((one) => one.way === way)?.tool ?? [], 0.5);
    expect(toolOf("mod")).toBeLessThan(toolOf("hooks"));
  },
  TIMEOUT_MS,
);
