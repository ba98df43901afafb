// A client that has the plugin. Its engine is the real one; what lies beneath the engine is answered from memory.
import { type Clock, type Engine, mock, type On } from "claude-code/testing";
import { FakeBus } from "./bus.ts";

export const FOLDER = "/srv/shop";
export const DATA = "/home/me/.claude/contrib/agent-event-bus";
export const SOCKET = `${DATA}/8080.sock`;

/** What lies beneath: variables, texts of files by their paths, a bus, and the client's id of its session. */
interface World {
  env?: Record<string, string>;
  files?: Record<string, string>;
  bus?: FakeBus;
  id?: string;
  /** Root of the main working tree, as the client tells. Null outside a repository. */
  root?: string | null;
}

type Hook = keyof Engine["classic"];
const HOOKS: readonly Hook[] = ["UserPromptSubmit", "PostToolUse", "Stop", "SessionEnd"];

export class Client {
  readonly bus: FakeBus;
  readonly clock: Clock;
  readonly files: Record<string, string>;
  id: string;
  /** Prompts that the mod submitted, and what the model read beside the last one. */
  readonly prompts: string[] = [];
  besidePrompt: string | undefined;
  /** Why the client drops the mod's prompts. */
  drop: string | undefined;
  /** Lines of the transcript that only the user reads. */
  readonly lines: string[] = [];
  /** Each line that stood under the prompt. */
  readonly statuses: (string | undefined)[] = [];
  /** Calls that concern the user's draft. */
  readonly drafts: string[] = [];
  /** What other hooks answer to every event. */
  others: object = {};
  whenOthersRun: () => void = () => {};
  /** What a tool does while it runs. */
  whileToolRuns: () => Promise<unknown> = async () => {};
  readonly #engine: Engine;
  #called: Record<string, unknown> = {};

  constructor($: Engine, on: On, { env, files, bus = new FakeBus(), id = "s1", root = FOLDER }: World = {}) {
    this.#engine = $;
    this.bus = bus;
    this.id = id;
    this.files = { [SOCKET]: "", ...files };
    this.clock = mock.clock(on);
    mock.env(on, { HOME: "/home/me", ...env });
    this.#answerCalls(on, root);
    this.#answerEvents(on);
  }

  #answerCalls(on: On, root: string | null): void {
    on("session.id", () => ({ value: this.id }));
    on("session.cwd", () => ({ value: FOLDER }));
    on("session.repo", () => ({ value: root === null ? null : { root } }));
    on("fs.exists", (_, { path }) => ({ value: path in this.files }));
    on("fs.read", (_, { path }) => {
      if (path in this.files) return { value: this.files[path] };
      throw new Error(`ENOENT: ${path}`);
    });
    on("fs.write", (_, { path, text }) => {
      this.files[path] = text;
      return { value: undefined };
    });
    on("process.run", (_, { argv: [program, , file = ""] }) => {
      if (program === "rm") delete this.files[file];
      return { value: { exitCode: 0, stdout: "laptop\n", stderr: "" } };
    });
    on("http.fetch", async (_, request) => ({ value: await this.bus.answer(this.clock, request) }));
    on("ui.log", (_, { text }) => ({ value: void this.lines.push(text) }));
    on("ui.status", (_, { text }) => ({ value: void this.statuses.push(text) }));
    for (const call of ["prompt.fill", "prompt.read", "prompt.suggest", "prompt.edit"])
      on(call, () => ({ value: void this.drafts.push(call) }));
  }

  #answerEvents(on: On): void {
    on("session.start", () => ({ cwd: FOLDER }));
    on("turn.start", () => ({ turnId: "t" }));
    on("turn.complete", () => ({ text: "done" }));
    for (const hook of HOOKS)
      on(`classic.${hook}`, () => {
        this.whenOthersRun();
        return this.others;
      });
    on("prompt.submit", async (_, { text }) => {
      this.prompts.push(text);
      if (this.drop !== undefined) return { drop: this.drop };
      this.besidePrompt = await this.prompt(text);
      return { text };
    });
    on("tool.call", async (_, event) => {
      this.#called = event;
      await this.whileToolRuns();
      return { result: "ok" };
    });
  }

  /** Starts the client. Its session is idle then. */
  async start(isInteractive = true): Promise<void> {
    await this.#engine.session.start({ surface: "terminal", isInteractive, cwd: FOLDER });
    await this.clock.settle();
  }

  /** Starts the client, whose session is at work then, and is no longer waited for. */
  async startWork(isInteractive = true): Promise<void> {
    await this.start(isInteractive);
    await this.beginTurn();
    this.bus.dismiss();
    await this.clock.settle();
  }

  /** A prompt, until its turn runs. Returns what the model reads beside it, as the next ones do. */
  async prompt(text: string, more: object = {}): Promise<string | undefined> {
    const beside = await this.#raise("UserPromptSubmit", { prompt: text, ...more });
    await this.beginTurn();
    return beside;
  }

  /** The end of a tool use. */
  tool(name = "Bash", more: object = {}): Promise<string | undefined> {
    return this.#raise("PostToolUse", { tool_name: name, tool_input: {}, tool_use_id: "u", ...more });
  }

  /** The agent stops. Its turn goes on if there is something to read. */
  stop(more: object = {}): Promise<string | undefined> {
    return this.#raise("Stop", { stop_hook_active: false, last_assistant_message: "All done.", ...more });
  }

  async beginTurn(more: object = {}): Promise<void> {
    await this.#engine.turn.start({ text: "", turnId: "t", ...more });
  }

  async endTurn(more: object = {}): Promise<void> {
    const turn = { answer: "done", durationMs: 1, isAborted: false, turnId: "t", reason: "answer" };
    await this.#engine.turn.complete({ ...turn, ...more });
    await this.clock.settle();
  }

  /** The session ends. After `clear` and `resume` the client goes on with another. */
  async end(reason: string): Promise<void> {
    await this.#raise("SessionEnd", { reason });
    await this.clock.settle();
  }

  /** The model calls a tool. Returns the arguments that the tool gets. */
  async call(tool: string, args: object): Promise<object> {
    await this.#engine.tool.call({ tool, ...args });
    const { tool: _, tool_use_id: __, ...got } = this.#called;
    return got;
  }

  async #raise(hook: Hook, input: object): Promise<string | undefined> {
    const known = { session_id: this.id, cwd: FOLDER, transcript_path: "/t.jsonl", hook_event_name: hook };
    const { additionalContext } = await this.#engine.classic[hook]({ ...known, ...input });
    return additionalContext?.join("\n");
  }
}
