import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Subprocess } from "bun";

type Child = Subprocess<"ignore" | "pipe", "pipe", "pipe">;

/** Everything that a run leaves behind unless it is taken away: folders and processes. */
export class Scratch {
  readonly #root = mkdtempSync(join(tmpdir(), "agent-event-bus-bench-"));
  readonly #children = new Set<Child>();
  #folders = 0;

  constructor() {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
      process.on(signal, () => {
        this.remove();
        process.exit(signal === "SIGINT" ? 130 : 143);
      });
  }

  /** A new empty folder. */
  folder(): string {
    return mkdtempSync(join(this.#root, `${++this.#folders}-`));
  }

  file(name: string): string {
    return join(this.#root, name);
  }

  spawn(command: string[], options: { cwd?: string; env?: Record<string, string> } = {}): Child {
    const child = Bun.spawn(command, {
      cwd: options.cwd ?? this.#root,
      env: { PATH: process.env.PATH ?? "", HOME: this.#root, ...options.env },
      stdin: "pipe",
      stdout: "pipe",
      // A server that sees a terminal there writes a line to it for each call.
      stderr: "pipe",
    });
    child.stderr.pipeTo(new WritableStream({ write: (chunk) => void process.stderr.write(chunk) }));
    this.#children.add(child);
    child.exited.then(() => this.#children.delete(child));
    return child;
  }

  /** Kills every process that is left and removes every folder; at once, for the end of this process. */
  remove(): void {
    for (const child of this.#children) child.kill("SIGKILL");
    rmSync(this.#root, { recursive: true, force: true, maxRetries: 5 });
  }
}
