// Two real clients on a real bus, and what their terminals show while one asks the other.
import { dirname, join } from "node:path";
import { Claude } from "../claude-code/client.ts";
import { Terminal, Tmux } from "../claude-code/terminal.ts";
import { binary } from "../support/binary.ts";
import { type ProcessBus, startBus } from "../support/bus.ts";
import { removeFolders, tempFolder } from "../support/folder.ts";
import { eventually } from "../support/webhook.ts";
import type { Frame } from "./film.ts";
import { CONCLUSION, type Scene, SENTENCE, startScene } from "./scene.ts";

export const [COLUMNS, ROWS] = [54, 22];
const KEY_MS = 55;
const THINKING_MS = 1_000;
const POLL_MS = 40;
const PATIENCE_MS = 60_000;

export class Stage {
  readonly #tmux = new Tmux();
  readonly #home = tempFolder(true);
  readonly #claude: string;
  #bus: ProcessBus | undefined;
  #models: Scene | undefined;

  constructor(claude: string) {
    this.#claude = claude;
  }

  /** Plays the scene and returns what both terminals showed. */
  async play(): Promise<Frame[]> {
    await this.#install();
    const models = await startScene(join(this.#home, "web"), THINKING_MS);
    this.#models = models;
    const web = await this.#open("web", models);
    const api = await this.#open("api", models);
    const frames: Frame[] = [];
    const ended = Promise.withResolvers<void>();
    const filming = this.#film(frames, [api, web], ended.promise);
    await Bun.sleep(KEY_MS * 10);
    for (const key of SENTENCE) {
      this.#tmux.run("send-keys", "-t", "api", "-l", key);
      await Bun.sleep(KEY_MS);
    }
    await Bun.sleep(KEY_MS * 6);
    api.press("Enter");
    await eventually("the answer", () => words(api.screen()).includes(CONCLUSION), PATIENCE_MS);
    await Bun.sleep(THINKING_MS * 2);
    ended.resolve();
    await filming;
    return frames;
  }

  async #install(): Promise<void> {
    this.#bus = await startBus("binary", { outlives: true });
    const env = { HOME: this.#home, PATH: `${dirname(this.#claude)}:${process.env.PATH}` };
    const install = [binary, "install", "client", "--url", this.#bus.url];
    const { success, stderr } = Bun.spawnSync(install, { env, cwd: this.#home });
    if (!success) throw new Error(`agent-event-bus install: ${stderr}`);
  }

  async #open(name: "api" | "web", models: Scene): Promise<Terminal> {
    const client = new Claude(this.#claude, this.#home, models[name].url);
    const terminal = await Terminal.open(this.#tmux, name, client, [], COLUMNS, ROWS);
    const sessions = async () => (await this.#bus?.call("list_sessions"))?.result ?? [];
    const here = async () =>
      (await sessions()).some(
        (one: { name: string; reach: string }) => one.name === name && one.reach === "wakes",
      );
    await eventually(`${name} on the bus`, here, PATIENCE_MS);
    return terminal;
  }

  /** Adds a frame whenever one of the screens has changed, until then. */
  async #film(frames: Frame[], terminals: readonly Terminal[], until: Promise<void>): Promise<void> {
    let ended = false;
    until.then(() => {
      ended = true;
    });
    while (!ended) {
      const screens = terminals.map(({ name }) =>
        this.#tmux.run("capture-pane", "-p", "-e", "-N", "-t", name).trimEnd(),
      );
      if (screens.join("\0") !== frames.at(-1)?.screens.join("\0")) frames.push({ at: Date.now(), screens });
      await Bun.sleep(POLL_MS);
    }
  }

  async close(): Promise<void> {
    this.#tmux.end();
    this.#models?.stop();
    await this.#bus?.kill();
    removeFolders();
  }
}

/** A text without its line breaks. */
function words(text: string): string {
  return text.replace(/\s+/g, " ");
}
