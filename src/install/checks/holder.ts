import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import type { InstallConfig } from "../../config/client.ts";
import { findProgram, run } from "../exec.ts";

/** A process that listens. */
export interface Holder {
  pid: number;
  name: string;
}

/** Who listens on a TCP port of this machine; undefined when nobody does, or when it is another user's secret. */
export async function listenerAt(port: number, config: InstallConfig): Promise<Holder | undefined> {
  if (process.platform === "linux") return holderInProc(port);
  const lsof = findProgram("lsof", config, ["/usr/sbin"]);
  if (lsof === undefined) return undefined;
  const { stdout } = await run([lsof, "-nP", `-iTCP:${port}`, "-sTCP:LISTEN", "-Fpc"], config);
  const [, pid, name] = /^p(\d+)\n(?:[^c].*\n)*c(.*)$/m.exec(stdout) ?? [];
  return pid === undefined ? undefined : { pid: Number(pid), name: name ?? "" };
}

const LISTENING = "0A";

function holderInProc(port: number): Holder | undefined {
  const sockets = new Set(["tcp", "tcp6"].flatMap((table) => socketsOn(port, textOr(`/proc/net/${table}`))));
  if (sockets.size === 0) return undefined;
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  const pid = pids.find((one) => linksIn(`/proc/${one}/fd`).some((link) => sockets.has(link)));
  return pid === undefined ? undefined : { pid: Number(pid), name: textOr(`/proc/${pid}/comm`).trim() };
}

function socketsOn(port: number, table: string): string[] {
  return table.split("\n").flatMap((line) => {
    const [, local = "", , state, , , , , , inode] = line.trim().split(/\s+/);
    const isIt = state === LISTENING && Number.parseInt(local.split(":")[1] ?? "", 16) === port;
    return isIt ? [`socket:[${inode}]`] : [];
  });
}

function linksIn(folder: string): string[] {
  try {
    return readdirSync(folder).flatMap((name) => {
      try {
        return [readlinkSync(`${folder}/${name}`)];
      } catch {
        return [];
      }
    });
  } catch {
    return [];
  }
}

function textOr(file: string, otherwise = ""): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return otherwise;
  }
}
