import { afterAll } from "bun:test";
import { readFileSync } from "node:fs";

const isRoot = process.getuid?.() === 0;

/** Words in front of a program that then sees another host name. */
export function called(name: string): string[] {
  return [
    ...["unshare", ...(isRoot ? [] : ["--map-root-user"]), "--uts"],
    ...["sh", "-c", 'echo "$0" > /proc/sys/kernel/hostname && exec "$@"', name],
  ];
}

const other = Bun.spawnSync([...called("other"), "uname", "-n"], { stderr: "pipe" });

/** Why there is no other host name here. Null if there is. */
export const noOtherName =
  other.stdout.toString().trim() === "other" ? null : `unshare: ${other.stderr.toString().trim()}`;

/** A PID namespace with a process in it. `proc`: it has a /proc of its own, as in a container. */
export interface Container {
  /** Words in front of a program that then runs in it. */
  inside: string[];
  /** The number that the process has in it. */
  pid: number;
  end(): Promise<void>;
}

function wordsOf(proc: boolean): string[] {
  const made = ["unshare", ...(isRoot ? [] : ["--map-root-user"]), "--pid", "--fork", "--kill-child"];
  return [...made, ...(proc ? ["--mount-proc"] : [])];
}

const tried = Bun.spawnSync([...wordsOf(true), "true"], { stderr: "pipe" });

/** Why there is no other PID namespace here. Null if there is. */
export const noContainer = tried.exitCode === 0 ? null : `unshare: ${tried.stderr.toString().trim()}`;

export async function startContainer({ proc }: { proc: boolean }): Promise<Container> {
  const child = Bun.spawn([...wordsOf(proc), "sh", "-c", "sleep 900 & echo $!; wait"], {
    ...{ stdin: "ignore", stdout: "pipe", stderr: "inherit" },
  });
  afterAll(() => child.kill("SIGKILL"));
  const { value } = await child.stdout.getReader().read();
  const first = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, "utf8").trim();
  const user = isRoot ? [] : ["--user", "--preserve-credentials"];
  return {
    inside: ["nsenter", "--target", first, ...user, "--pid", ...(proc ? ["--mount"] : [])],
    pid: Number(new TextDecoder().decode(value)),
    async end() {
      child.kill("SIGKILL");
      await child.exited;
    },
  };
}
