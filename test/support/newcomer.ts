import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { type CliOptions, type CliResult, cli } from "./cli.ts";
import { tempFolder } from "./folder.ts";
import { DATA } from "./home.ts";

/** A person with an empty HOME, no Claude Code, and the executable somewhere else. */
export interface Newcomer {
  home: string;
  data: string;
  /** Runs the compiled executable with nothing in its environment but HOME and PATH. */
  run(args: readonly string[], options?: CliOptions): Promise<CliResult>;
  /** Writes a file in HOME; its whole path. */
  put(name: string, text: string, mode?: number): string;
}

export function newcomer(home = tempFolder()): Newcomer {
  return {
    home,
    data: join(home, DATA),
    run: (args, { env, ...options } = {}) =>
      cli(args, {
        kind: "binary",
        cwd: home,
        ...options,
        env: { HOME: home, PATH: "/usr/bin:/bin", ...env },
      }),
    put(name, text, mode = 0o644) {
      const path = join(home, name);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, text, { mode });
      return path;
    },
  };
}

/** The words of a program in front of which HOME cannot be written, for root neither. */
export function readOnly(folder: string): string[] {
  const mount = `mount --bind ${folder} ${folder} && mount -o remount,ro,bind ${folder} && exec "$@"`;
  return ["unshare", "-rm", "sh", "-c", mount, "sh"];
}
