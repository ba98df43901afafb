// The real Claude Code, driven offline: fetched once into a cache, with a home of its own and a scripted model.
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { mkdir, readdir, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { keep } from "../../build/node24.ts";
import { HOOKS, STAYING } from "../../src/hooks/names.ts";
import { putHooks } from "../../src/install/hook_entries.ts";
import { pluginFiles } from "../../src/install/plugin_files.ts";
import { JsonText } from "../../src/lib/jsonc.ts";
import { binary } from "../support/binary.ts";
import { root, type TestBus } from "../support/bus.ts";
import { PATIENT } from "../support/hooks.ts";

export const VERSION = "2.1.330";
const NAME = "@anthropic-ai/claude-code";
export const API_KEY = "none";
const FETCH_MS = 60_000;
const ASK_MS = 60_000;
/** For a machine that is busy with other things. */
const RUN_MS = 200_000;
/** The data directory below a user's home. */
const DATA = ".claude/contrib/agent-event-bus";

/** The client's executable; undefined when it cannot be fetched or does not run here. */
export async function findClaude(version: string = VERSION): Promise<string | undefined> {
  const folder = join(root, "node_modules/.cache", `claude-code-${version}`);
  const file =
    (await executable(folder)) ?? ((await fetched(folder, version)) ? await executable(folder) : undefined);
  if (file === undefined) return undefined;
  const { stdout } = Bun.spawnSync([file, "--version"], { env: environment(folder), timeout: RUN_MS });
  return stdout.toString().startsWith(version) ? file : undefined;
}

/** The newest version. Undefined, and said, if npm does not tell it. */
export function newestVersion(): string | undefined {
  const npm = Bun.which("npm");
  const view = npm === null ? undefined : Bun.spawnSync([npm, "view", NAME, "version"], { timeout: ASK_MS });
  const [version] = /^\d+\.\d+\.\d+/.exec(view?.stdout.toString().trim() ?? "") ?? [];
  if (version === undefined) console.log("NOT TESTED: Claude Code's newest version, npm does not tell it");
  return version;
}

// The package depends on one package per platform, which holds the executable; older ones are a script for Node.
async function executable(folder: string): Promise<string | undefined> {
  const packages = join(folder, "node_modules/@anthropic-ai");
  const names = await readdir(packages).catch(() => []);
  const program = process.platform === "win32" ? "claude.exe" : "claude";
  const files = names.flatMap((name) => [program, "cli.js"].map((file) => join(packages, name, file)));
  return files.find((file) => existsSync(file));
}

async function fetched(folder: string, version: string): Promise<boolean> {
  const partial = `${folder}.${process.pid}`;
  await mkdir(partial, { recursive: true });
  await Bun.write(join(partial, "package.json"), "{}\n");
  const add = [process.execPath, "add", "--no-save", "--ignore-scripts", `${NAME}@${version}`];
  const { success } = Bun.spawnSync(add, {
    cwd: partial,
    stdio: ["ignore", "ignore", "ignore"],
    timeout: FETCH_MS,
  });
  if (success) await keep(partial, folder, async () => (await executable(folder)) !== undefined);
  else await rm(partial, { recursive: true, force: true });
  return success;
}

/** One person's client: `home` holds its settings, `modelUrl` answers in the model's place. */
export class Claude {
  readonly file: string;
  readonly home: string;
  readonly env: Record<string, string>;
  /** Words in front of the program, like `ip netns exec NAME`. */
  readonly inside: readonly string[];

  constructor(file: string, home: string, modelUrl = "http://127.0.0.1:9", inside: readonly string[] = []) {
    this.file = file;
    this.home = home;
    this.env = environment(home, modelUrl);
    this.inside = inside;
  }

  /** Runs `claude …` to its end and returns all that it printed; throws when it fails. */
  async run(...args: string[]): Promise<string> {
    const child = Bun.spawn([...this.inside, this.file, ...args], {
      cwd: this.home,
      env: this.env,
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
      timeout: RUN_MS,
    });
    const printed = (
      await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()])
    ).join("");
    if ((await child.exited) !== 0) throw new Error(`claude ${args.join(" ")}: ${printed}`);
    return printed;
  }

  /**
   * Puts the hooks into its settings as the installer does, for the executable under test, and makes them patient. `env`: more
   * of their environment. `others`: more settings. `program`: in place of the executable under test.
   */
  installHooks(url: string, env: Record<string, string> = {}, others: object = {}, program = binary): void {
    const file = this.setUp(url, env, others);
    const settings = new JsonText(readFileSync(file, "utf8"), file);
    putHooks(settings, { binary: program, waiting: "plain" });
    writeFileSync(file, settings.toString());
    makePatient(this.home);
  }

  /** Puts the plugin in, and nothing into the settings but the bus's address. Its command hooks are patient. */
  installPlugin(
    { url, folder }: Pick<TestBus, "url" | "folder">,
    env: Record<string, string> = {},
    others: object = {},
    program = binary,
  ): void {
    this.setUp(url, env, others);
    for (const [path, text] of Object.entries(pluginFiles(program))) {
      const file = join(this.plugin, path);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, text);
    }
    makePatient(this.home);
    // The mod asks by the socket in its own user's folder.
    mkdirSync(join(this.home, ".claude/contrib"), { recursive: true });
    symlinkSync(join(folder, DATA), join(this.home, DATA));
  }

  /** Writes settings without hooks, and returns their file. */
  setUp(url: string, env: Record<string, string> = {}, others: object = {}): string {
    const file = join(this.home, ".claude/settings.json");
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, JSON.stringify({ ...others, env: { AGENT_EVENT_BUS_URL: url, ...env } }));
    return file;
  }

  /** The plugin's folder. */
  get plugin(): string {
    return join(this.home, ".claude/skills/agent-event-bus");
  }

  async add(url: string, token?: string): Promise<void> {
    const header = token === undefined ? [] : ["--header", `Authorization: Bearer ${token}`];
    await this.run("mcp", "add", "--transport", "http", "--scope", "user", "agent-event-bus", url, ...header);
  }
}

const LIMITED = Object.keys(HOOKS).filter((name) => !STAYING.includes(name));
const LIMITED_HOOK = new RegExp(
  `(?<="command": *"(?:cd /; )?)(?=(?!cd)[^"]* hook (?:${LIMITED.join("|")})")`,
  "g",
);

/**
 * Gives the hooks of that HOME, in its settings and in the plugin, more time than a person would wait: a busy machine takes
 * longer than their limit. Those that stay keep their environment, because a patient waiter would begin later.
 */
export function makePatient(home: string): void {
  const variables = Object.entries(PATIENT).map(([name, value]) => `${name}=${value} `);
  for (const name of ["settings.json", "skills/agent-event-bus/hooks/hooks.json"]) {
    const file = join(home, ".claude", name);
    if (existsSync(file))
      writeFileSync(file, readFileSync(file, "utf8").replace(LIMITED_HOOK, variables.join("")));
  }
}

// Nothing of the caller's environment: its settings and keys are not meant for this client.
function environment(home: string, modelUrl = ""): Record<string, string> {
  return {
    HOME: home,
    USERPROFILE: home,
    PATH: process.env.PATH ?? "",
    ANTHROPIC_BASE_URL: modelUrl,
    ANTHROPIC_API_KEY: API_KEY,
    CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
    // `claude -p` calls the model once its MCP servers are connected. By default it waits two seconds for them.
    MCP_CONNECTION_NONBLOCKING: "false",
    DISABLE_AUTOUPDATER: "1",
    DISABLE_TELEMETRY: "1",
  };
}
