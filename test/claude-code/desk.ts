// Two people's interactive clients on one bus, or as many as a test opens.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { HOOKS } from "../../src/hooks/names.ts";
import { fresh } from "../support/agent.ts";
import { type BusOptions, type ProcessBus, startBus } from "../support/bus.ts";
import { tempFolder } from "../support/folder.ts";
import { running } from "../support/process.ts";
import { eventually } from "../support/webhook.ts";
import type { Claude } from "./client.ts";
import { newClient } from "./converse.ts";
import { startTalker, type Talker } from "./talker.ts";
import { Terminal, Tmux } from "./terminal.ts";

/** For a machine that is busy with other things. */
export const PATIENCE_MS = 30_000;

export interface Place {
  name: string;
  client: Claude;
  terminal: Terminal;
  model: Talker;
}

/** How a client is connected: by hooks in its settings, by the plugin, or not at all. */
export type Connected = "hooks" | "mod" | "none";

interface Sitting {
  connected?: Connected;
  /** Further settings of the client. */
  settings?: object;
  /** Runs once the hooks are there. */
  before?: (client: Claude) => Promise<void>;
  model?: Talker;
  /** Words in front of the client. */
  inside?: readonly string[];
  /** Another client than the usual one. */
  file?: string | undefined;
  /** Runs as hooks in place of the executable under test. */
  program?: string | undefined;
}

export class Desk {
  readonly #tmux = new Tmux();
  readonly #models: Talker[] = [];
  bus: ProcessBus;

  constructor(bus: ProcessBus) {
    this.bus = bus;
  }

  static async open(options: BusOptions = {}): Promise<Desk> {
    return new Desk(await startBus("binary", { folder: tempFolder(true), outlives: true, ...options }));
  }

  /**
   * Starts a client whose session is called so; it has not been prompted. `env`: for its hooks.
   */
  async sit(name: string, env: Record<string, string> = {}, more: Sitting = {}): Promise<Place> {
    const { connected = "hooks", model = startTalker(), settings, program } = more;
    this.#models.push(model);
    const client = newClient(model.url, tempFolder(true), more.inside, more.file);
    if (connected === "hooks") client.installHooks(this.bus.url, env, settings, program);
    else if (connected === "mod") client.installPlugin(this.bus, env, settings, program);
    else client.setUp(this.bus.url, env, settings);
    await more.before?.(client);
    return { name, client, model, terminal: await Terminal.open(this.#tmux, name, client) };
  }

  /** Starts the client of a place again, in the conversation of that id. */
  async resume({ name, client, model }: Place, id: string): Promise<Place> {
    await eventually("the former terminal is closed", () => !this.#tmux.has(name), PATIENCE_MS);
    return { name, client, model, terminal: await Terminal.open(this.#tmux, name, client, ["--resume", id]) };
  }

  /** A client that was prompted once and waits. */
  async sitIdle(name: string, model = startTalker(), more: Omit<Sitting, "model"> = {}): Promise<Place> {
    const place = await this.sit(name, {}, { ...more, model });
    await place.terminal.say("hello");
    // Until then it is idle since its start.
    await heard(place, "hello");
    await this.idle(name);
    return place;
  }

  // biome-ignore lint/suspicious/noExplicitAny: tests look into it
  async session(name: string): Promise<any> {
    const { result } = await this.bus.call("list_sessions");
    return result.find((session: { name: string }) => session.name === name);
  }

  /** Waits until the session can be woken, and no Stop hook is left that would be quicker: on a busy machine one may be. */
  async idle(name: string): Promise<void> {
    const reached = async () => (await this.session(name))?.reach === "wakes";
    const idle = async () => (await reached()) && this.#hooks("stop").length === 0;
    await eventually(`${name} idle`, idle, PATIENCE_MS);
  }

  /** Publishes a direct message, as another sender each time; when it was sent and answered, ms since 1970. */
  async tell(
    to: string,
    payload: string,
    session_id = fresh("sender"),
  ): Promise<{ id: number; sent: number; answered: number }> {
    const sent = Date.now();
    const message = { event_type: "question", payload, channel: `session:${to}`, session_id };
    const { event_id: id } = await this.bus.call("publish_event", message);
    return { id, sent, answered: Date.now() };
  }

  /** What the bus knows of a direct message's way, once it was seen. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into it
  async delivery(event_id: number): Promise<any> {
    return (await this.bus.call("get_delivery", { event_id, wait_seconds: 10 })).deliveries[0];
  }

  /** The processes that wait for this bus. */
  waiters(): number[] {
    return this.#hooks("wait");
  }

  /** The processes that stand beside a dialog of this bus's clients. */
  beside(): number[] {
    return [...this.#hooks("permission"), ...this.#hooks("notification")];
  }

  /** Every process of ours that a client started. */
  ours({ home }: Claude): number[] {
    return Object.keys(HOOKS).flatMap((name) => running(["hook", name], `HOME=${home}\0`));
  }

  #hooks(name: string): number[] {
    return running(["hook", name], `AGENT_EVENT_BUS_URL=${this.bus.url}\0`);
  }

  async restart(kill = () => this.bus.kill()): Promise<void> {
    await kill();
    const { folder, port } = this.bus;
    this.bus = await startBus("binary", { folder, port, outlives: true });
  }

  async close(): Promise<void> {
    this.#tmux.end();
    for (const model of this.#models) model.stop();
    await this.bus.kill();
  }
}

/** A shell command that lasts until it is ended. */
export function lasting(): { command: string; end(): void } {
  const file = join(tempFolder(true), "end");
  return {
    command: `until [ -e '${file}' ]; do sleep 0.1; done`,
    end: () => writeFileSync(file, ""),
  };
}

/** Waits until the model was called with the text, and returns that call. */
export async function heard({ name, model, terminal }: Place, text: string) {
  await eventually(`${name} hears "${text}"`, () => model.heard(text) !== undefined, PATIENCE_MS).catch(
    (error) => {
      throw new Error(`${error.message}; the screen shows:\n${terminal.screen()}`);
    },
  );
  return model.heard(text) as NonNullable<ReturnType<Talker["heard"]>>;
}

/** Presses a key until the dialog takes it: one that was just drawn may not. */
export async function press({ terminal }: Place, key: string, shown: string): Promise<void> {
  const gone = async () => {
    terminal.press(key);
    for (let i = 0; i < 10 && terminal.screen().includes(shown); i++) await Bun.sleep(50);
    return !terminal.screen().includes(shown);
  };
  await eventually(`"${shown}" is gone from the screen`, gone, PATIENCE_MS);
}
