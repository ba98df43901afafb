import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { tempFolder } from "./folder.ts";
import { DATA } from "./home.ts";
import { type Manager, systemctlStub } from "./managers.ts";
import { outputOf } from "./process.ts";

/** A person's machine: a HOME of its own, a stub of systemctl, and the real executable. */
export interface Machine {
  home: string;
  /** The data directory. */
  data: string;
  env: Record<string, string>;
  systemctl: Manager;
  /** A file in its HOME. */
  file(name: string): string;
  write(name: string, text: string): void;
  /** Runs a line as its person types it, in a shell. */
  sh(line: string, env?: Record<string, string>): Promise<Ran>;
}

export interface Ran {
  stdout: string;
  stderr: string;
  code: number;
}

/** One where nothing is installed yet; `programs` are folders for its PATH. */
export function newMachine(...programs: string[]): Machine {
  const folder = tempFolder();
  const home = join(folder, "home");
  mkdirSync(home);
  const systemctl = systemctlStub();
  const bin = join(home, ".local/bin");
  const env = {
    HOME: home,
    SHELL: "/bin/bash",
    PATH: [bin, systemctl.folder, ...programs, "/usr/bin", "/bin"].join(":"),
  };
  const file = (name: string) => join(home, name);
  return {
    ...{ home, env, systemctl, file },
    data: file(DATA),
    write(name, text) {
      mkdirSync(join(file(name), ".."), { recursive: true });
      writeFileSync(file(name), text, { mode: 0o600 });
    },
    async sh(line, more = {}) {
      const options = { cwd: home, env: { ...env, ...more } };
      const { stdout, stderr, code } = await outputOf(["bash", "-c", line], options);
      return { stdout, stderr, code };
    },
  };
}
