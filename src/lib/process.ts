import { attempt } from "./attempt.ts";

/** Process of a session. The start tells it from a later process of the same number. */
export interface ProcessMark {
  pid: number;
  /** Start in the system's own notation: always the same text for one process. */
  started: string;
}

/**
 * Start of a process of this machine. Null if there is no such process. Reads a small file on Linux, and runs `ps` elsewhere,
 * which takes some milliseconds.
 */
export function processStart(pid: number, platform: NodeJS.Platform = process.platform): string | null {
  return platform === "linux" ? startOnLinux(pid) : startByPs(pid);
}

function startOnLinux(pid: number): string | null {
  const { readFileSync } = process.getBuiltinModule("node:fs");
  if (!hasOwnProc()) return null;
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    // The name in brackets may hold brackets too. The 22nd field is the start in ticks since the boot.
    const [state, ...fields] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    if (state === "Z" || state === "X") return null;
    const boot = readFileSync("/proc/sys/kernel/random/boot_id", "latin1").slice(0, 8);
    return `${boot}-${fields[18]}`;
  } catch {
    return null;
  }
}

let ownProc: boolean | undefined;

/** False in a sandbox that kept the `/proc` of its host, where a number leads to another process. */
function hasOwnProc(): boolean {
  const { readlinkSync } = process.getBuiltinModule("node:fs");
  ownProc ??= attempt(() => readlinkSync("/proc/self")) === String(process.pid);
  return ownProc;
}

function startByPs(pid: number): string | null {
  const { spawnSync } = process.getBuiltinModule("node:child_process");
  const { status, stdout } = spawnSync("ps", ["-o", "stat=", "-o", "lstart=", "-p", String(pid)], {
    encoding: "utf8",
    env: { LC_ALL: "C", PATH: "/bin:/usr/bin" },
    timeout: 2_000,
  });
  const [state = "", ...started] = stdout?.trim().split(/\s+/) ?? [];
  return status === 0 && started.length > 0 && !state.startsWith("Z") ? started.join(" ") : null;
}

/**
 * Names the system and the PID namespace that this process runs in. A container or a sandbox has another one, and so has
 * another start of the system. Undefined without Linux.
 */
export function pidNamespace(): string | undefined {
  if (process.platform !== "linux") return undefined;
  const { readFileSync, readlinkSync } = process.getBuiltinModule("node:fs");
  try {
    const inode = /\d+/.exec(readlinkSync("/proc/self/ns/pid"))?.[0];
    return `${readFileSync("/proc/sys/kernel/random/boot_id", "latin1").slice(0, 8)}-${inode}`;
  } catch {
    return undefined;
  }
}

const KNOWN_MS = 60_000;

/**
 * Returns `processStart` for a server that asks often. Without Linux, an answer holds for a minute while a process of that
 * number exists.
 */
export function rememberedStart(
  now: () => number,
  platform: NodeJS.Platform = process.platform,
): (pid: number) => string | null {
  if (platform === "linux") return (pid) => processStart(pid, platform);
  const known = new Map<number, { started: string | null; until: number }>();
  return (pid) => {
    if (!exists(pid)) return null;
    const held = known.get(pid);
    if (held !== undefined && now() < held.until) return held.started;
    const started = processStart(pid, platform);
    if (known.size > 10_000) known.clear();
    known.set(pid, { started, until: now() + KNOWN_MS });
    return started;
  };
}

/** True if there is a process of that number on this machine. */
export function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
