import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import type { InstallConfig } from "../config/client.ts";
import { attempt } from "../lib/attempt.ts";
import { findProgram, run } from "../lib/exec.ts";
import { namesIn } from "../lib/permissions.ts";

/** A process that listens. */
interface Listener {
  pid: number;
  name: string;
}

/** The process that listens on a TCP port of this machine; undefined also if it belongs to another user. */
export async function listenerAt(port: number, config: InstallConfig): Promise<Listener | undefined> {
  if (process.platform === "linux") return listenerInProc(port);
  const lsof = findProgram("lsof", config, ["/usr/sbin"]);
  if (lsof === undefined) return undefined;
  const { stdout } = await run([lsof, "-nP", `-iTCP:${port}`, "-sTCP:LISTEN", "-Fpc"], config);
  const [, pid, name] = /^p(\d+)\n(?:[^c].*\n)*c(.*)$/m.exec(stdout) ?? [];
  return pid === undefined ? undefined : { pid: Number(pid), name: name ?? "" };
}

const LISTENING = "0A";

function listenerInProc(port: number): Listener | undefined {
  const sockets = new Set(["tcp", "tcp6"].flatMap((table) => socketsOn(port, textOf(`/proc/net/${table}`))));
  if (sockets.size === 0) return undefined;
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  const holds = (file: string) => sockets.has(attempt(() => readlinkSync(file)) ?? "");
  const pid = pids.find((one) => namesIn(`/proc/${one}/fd`).some((name) => holds(`/proc/${one}/fd/${name}`)));
  return pid === undefined ? undefined : { pid: Number(pid), name: textOf(`/proc/${pid}/comm`).trim() };
}

function socketsOn(port: number, table: string): string[] {
  return table.split("\n").flatMap((line) => {
    const [, local = "", , state, , , , , , inode] = line.trim().split(/\s+/);
    const isIt = state === LISTENING && Number.parseInt(local.split(":")[1] ?? "", 16) === port;
    return isIt ? [`socket:[${inode}]`] : [];
  });
}

/** Empty if the file cannot be read. */
function textOf(file: string): string {
  return attempt(() => readFileSync(file, "utf8")) ?? "";
}
