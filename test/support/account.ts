import { chmodSync, copyFileSync, existsSync, linkSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { binary } from "./binary.ts";
import { tempFolder } from "./folder.ts";
import type { Namespace } from "./netns.ts";

export interface Typed {
  /** What the terminal shows: both streams. */
  shown: string;
  code: number;
}

export interface AccountOptions {
  /** The network of the machine. */
  at: Namespace;
  /** The machine's own name. */
  hostname: string;
  /** Programs that it has besides those of the system: the words to run each with. */
  programs: Readonly<Record<string, readonly string[]>>;
  /** Folders of further ones. */
  folders?: readonly string[];
  env?: Readonly<Record<string, string>>;
}

/** A person's account on a machine: a HOME with nothing but a copy of the executable. */
export interface Account {
  home: string;
  /** Runs a command as it is typed in that HOME. */
  type(command: string, env?: Readonly<Record<string, string>>): Promise<Typed>;
}

/** It outlives the test that asks for it: `removeFolders` takes it away. */
export function newAccount({ at, hostname, programs, folders = [], env = {} }: AccountOptions): Account {
  const folder = tempFolder(true);
  const home = join(folder, "home");
  const bin = join(folder, "bin");
  for (const one of [home, bin]) mkdirSync(one);
  for (const [name, words] of Object.entries(programs)) script(join(bin, name), words);
  linkSync(copyOfBinary(), join(home, "agent-event-bus"));
  const path = [...folders, bin, join(home, ".local/bin"), process.env.PATH].join(":");
  const inside = [...at.inside, "unshare", "--uts", "sh", "-c", NAMED, hostname];
  return {
    home,
    async type(command, more = {}) {
      const child = Bun.spawn([...inside, "sh", "-c", `exec 2>&1; ${command}`], {
        cwd: home,
        env: { ...env, PATH: path, HOME: home, ...more },
        stdin: "ignore",
        stdout: "pipe",
      });
      const shown = await new Response(child.stdout).text();
      return { shown, code: await child.exited };
    },
  };
}

const NAMED = 'echo "$0" > /proc/sys/kernel/hostname; exec "$@"';

let copied: string | undefined;

// Once, since it is large; each HOME gets a link to it.
function copyOfBinary(): string {
  if (copied !== undefined && existsSync(copied)) return copied;
  copied = join(tempFolder(true), "agent-event-bus");
  copyFileSync(binary, copied);
  return copied;
}

function script(file: string, words: readonly string[]): void {
  writeFileSync(file, `#!/bin/sh\nexec ${words.map((word) => `'${word}'`).join(" ")} "$@"\n`);
  chmodSync(file, 0o755);
}
