import { cp } from "node:fs/promises";
import { basename, join } from "node:path";
import { buildBinary } from "../../build/binary.ts";
import type { HoldJob } from "./load/hold.ts";
import type { ListenJob } from "./load/listen.ts";
import type { Job, ResultOf } from "./load/main.ts";
import type { PagesJob } from "./load/pages.ts";
import { Scratch } from "./scratch.ts";

export interface Server {
  port: number;
  pid: number;
  folder: string;
  /** SIGTERM, and wait for the end. */
  stop(): Promise<void>;
}

export interface BenchOptions {
  quick?: boolean;
  long?: boolean;
  program?: string;
}

const PROGRAM = "agent-event-bus";
const COPIES = 5;

/** Jobs that hold something open. */
type Held = HoldJob | ListenJob | PagesJob;

type Floor = "empty" | "fetch" | "route" | "elysia" | "sqlite";

/** What the rows have in common: the programs, started servers, the generator, and how long to measure. */
export class Bench {
  readonly quick: boolean;
  readonly long: boolean;
  readonly scratch = new Scratch();
  readonly #built = new Map<string, Promise<string>>();

  /** `program`: an executable of the bus that is there already; without it one is built. */
  constructor({ quick = false, long = false, program }: BenchOptions = {}) {
    this.quick = quick;
    this.long = long;
    if (program !== undefined) this.#built.set(PROGRAM, Promise.resolve(program));
  }

  /** The executable of the bus, built now: what is measured is what stands in src. */
  program(): Promise<string> {
    return this.#once(PROGRAM);
  }

  /** A floor, compiled in the same way. */
  floor(name: Floor): Promise<string> {
    return this.#once(name, join(import.meta.dir, `floor/${name}.ts`));
  }

  /** A file several times: where the copies of an executable lie in memory moves its start by a tenth. */
  async copies(file: string): Promise<string[]> {
    const names = Array.from({ length: COPIES }, () => join(this.scratch.folder(), basename(file)));
    for (const name of names) await cp(file, name);
    return names;
  }

  #once(name: string, entry?: string): Promise<string> {
    const known = this.#built.get(name);
    if (known !== undefined) return known;
    const built = buildBinary({ outfile: this.scratch.file(name), ...(entry !== undefined && { entry }) });
    this.#built.set(name, built);
    return built;
  }

  async startBus(folder = this.scratch.folder(), env: Record<string, string> = {}): Promise<Server> {
    const paths = {
      AGENT_EVENT_BUS_DB: join(folder, "data.db"),
      AGENT_EVENT_BUS_LOG: join(folder, "bus.log"),
    };
    const command = [await this.program(), "serve", "--port", "0", "--json"];
    return this.#start(command, folder, { ...paths, AGENT_EVENT_BUS_ERR: join(folder, "bus.err"), ...env });
  }

  async startFloor(name: "route" | "elysia", ...args: string[]): Promise<Server> {
    const folder = this.scratch.folder();
    const words = name === "route" ? [join(folder, "floor.db"), ...args] : args;
    return this.#start([await this.floor(name), ...words], folder, {});
  }

  async #start(command: string[], folder: string, env: Record<string, string>): Promise<Server> {
    const child = this.scratch.spawn(command, { cwd: folder, env: { HOME: folder, ...env } });
    const { port, url } = JSON.parse(await firstLine(child.stdout));
    return {
      port: port ?? Number(new URL(url).port),
      pid: child.pid,
      folder,
      async stop() {
        child.kill();
        await child.exited;
      },
    };
  }

  /** Runs one job in the generator's process. */
  async load<J extends Exclude<Job, Held>>(job: J): Promise<ResultOf<J>> {
    const child = this.#generator(job);
    const [text, code] = await Promise.all([new Response(child.stdout).text(), child.exited]);
    if (code !== 0) throw new Error(`the load generator ended with ${code}`);
    return JSON.parse(text);
  }

  /** Holds calls or streams open until the returned function is called. */
  async hold(job: Held): Promise<() => Promise<void>> {
    const child = this.#generator(job);
    await firstLine(child.stdout);
    return async () => {
      child.kill();
      await child.exited;
    };
  }

  #generator(job: Job): ReturnType<Scratch["spawn"]> {
    return this.scratch.spawn([process.execPath, join(import.meta.dir, "load/main.ts"), JSON.stringify(job)]);
  }
}

async function firstLine(stream: ReadableStream<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of stream) {
    text += decoder.decode(chunk, { stream: true });
    const end = text.indexOf("\n");
    if (end >= 0) return text.slice(0, end);
  }
  throw new Error(`a server did not start: ${text}`);
}
