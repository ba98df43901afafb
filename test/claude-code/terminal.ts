// A person at a terminal: the real client in tmux, with keys pressed and the screen read.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { tempFolder } from "../support/folder.ts";
import { eventually } from "../support/webhook.ts";
import { API_KEY, type Claude } from "./client.ts";

/** For a machine that is busy with other things. */
const STARTED_MS = 60_000;
const SHOWN_MS = 30_000;
/** A client that outlives even a killed test run ends then, and tmux with its last one. */
const LONGEST_SECONDS = 300;

export const hasTmux = Bun.which("tmux") !== null;

/** A tmux server of its own. */
export class Tmux {
  readonly #socket: string;

  constructor(folder = tempFolder(true)) {
    this.#socket = join(folder, "tmux");
  }

  run(...args: string[]): string {
    const { stdout, stderr, exitCode } = Bun.spawnSync([
      "tmux",
      "-f",
      "/dev/null",
      "-S",
      this.#socket,
      ...args,
    ]);
    // The server ends with its last client, perhaps at the moment when the next one is opened.
    if (exitCode !== 0 && stderr.includes("server exited unexpectedly")) return this.run(...args);
    if (exitCode !== 0) throw new Error(`tmux ${args.join(" ")}: ${stderr}`);
    return stdout.toString();
  }

  has(name: string): boolean {
    return Bun.spawnSync(["tmux", "-S", this.#socket, "has-session", "-t", `=${name}`]).success;
  }

  /** Ends every client in it. */
  end(): void {
    Bun.spawnSync(["tmux", "-S", this.#socket, "kill-server"], { stdio: ["ignore", "ignore", "ignore"] });
  }
}

/** An interactive client in a folder of that name, which names its session. */
export class Terminal {
  readonly #tmux: Tmux;
  readonly name: string;

  constructor(tmux: Tmux, name: string) {
    this.#tmux = tmux;
    this.name = name;
  }

  static async open(
    tmux: Tmux,
    name: string,
    client: Claude,
    flags: readonly string[] = [],
    columns = 150,
    rows = 40,
  ): Promise<Terminal> {
    const cwd = join(client.home, name);
    mkdirSync(cwd, { recursive: true });
    answerFirstQuestions(client);
    const env = Object.entries({ ...client.env, TERM: "xterm-256color" }).map(
      ([key, value]) => `${key}=${value}`,
    );
    const limited = ["timeout", "--foreground", "--signal=KILL", String(LONGEST_SECONDS)];
    const program = [...client.inside, client.file];
    const command = ["env", "-i", ...env, ...limited, ...program, "--permission-mode", "default", ...flags];
    const size = ["-x", String(columns), "-y", String(rows)];
    tmux.run("new-session", "-d", "-s", name, ...size, "-c", cwd, "--", ...command, "--allowedTools", "Bash");
    const terminal = new Terminal(tmux, name);
    await terminal.shows("❯", STARTED_MS);
    return terminal;
  }

  screen(): string {
    return this.#tmux.run("capture-pane", "-p", "-t", this.name);
  }

  async shows(text: string, ms = SHOWN_MS): Promise<void> {
    await eventually(`"${text}" on the screen`, () => this.screen().includes(text), ms).catch((error) => {
      throw new Error(`${error.message}; the screen shows:\n${this.screen()}`);
    });
  }

  /** Waits until the client is done with a prompt that its model has answered. */
  async rests(): Promise<void> {
    await this.shows("●");
    let last = "";
    await eventually(
      "a client at rest",
      () => {
        const before = last;
        last = this.screen();
        // A screen that is just being drawn can lack any of its lines.
        return last === before && !last.includes("esc to interrupt");
      },
      STARTED_MS,
    );
  }

  /** Types without sending. */
  async type(text: string): Promise<void> {
    this.keys(text);
    await this.shows(text);
  }

  /** Presses a key for each character. A client that is just starting may lose some. */
  keys(text: string): void {
    this.#tmux.run("send-keys", "-t", this.name, "-l", text);
  }

  press(key: string): void {
    this.#tmux.run("send-keys", "-t", this.name, key);
  }

  /** The client's process. */
  pid(): number {
    const pid = this.#tmux.run("list-panes", "-t", this.name, "-F", "#{pane_pid}").trim();
    return Number(readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8"));
  }

  /** Kills the client, as a crash would. */
  crash(): void {
    process.kill(this.pid(), "SIGKILL");
  }

  async say(text: string): Promise<void> {
    await this.type(text);
    this.press("Enter");
  }
}

/**
 * What a client asks a new user before its first prompt, for every folder of that home. Answered once: a client that runs
 * may write the file at the same moment.
 */
export function answerFirstQuestions({ home }: Claude): void {
  const file = join(home, ".claude.json");
  const given = existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : {};
  if (given.hasCompletedOnboarding) return;
  const answers = {
    ...given,
    hasCompletedOnboarding: true,
    theme: "dark",
    customApiKeyResponses: { approved: [API_KEY], rejected: [] },
    projects: { ...given.projects, [home]: { hasTrustDialogAccepted: true } },
  };
  writeFileSync(file, JSON.stringify(answers));
}
