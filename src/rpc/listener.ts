import { readFileSync, readlinkSync } from "node:fs";
import type { InstallConfig } from "../config/client.ts";
import { attempt } from "../lib/attempt.ts";
import { findProgram, run } from "../lib/exec.ts";
import { namesIn } from "../lib/permissions.ts";
import { socketsOn } from "./owner.ts";

/** A process that listens. */
interface Listener {
  pid: number;
  name: string;
}

/** The process that listens on a TCP port of this machine. Undefined also if it belongs to another user. */
export async function listenerAt(port: number, config: InstallConfig): Promise<Listener | undefined> {
  if (process.platform === "linux") return listenerInProc(port);
  const lsof = findProgram("lsof", config, ["/usr/sbin"]);
  if (lsof === undefined) return undefined;
  const { stdout } = await run([lsof, "-nP", `-iTCP:${port}`, "-sTCP:LISTEN", "-Fpc"], config);
  const [, pid, name] = /^p(\d+)\n(?:[^c].*\n)*c(.*)$/m.exec(stdout) ?? [];
  return pid === undefined ? undefined : { pid: Number(pid), name: name ?? "" };
}

async function listenerInProc(port: number): Promise<Listener | undefined> {
  const found = [...(await socketsOn("/proc/net/tcp", port)), ...(await socketsOn("/proc/net/tcp6", port))];
  const sockets = new Set(found.map(({ inode }) => `socket:[${inode}]`));
  if (sockets.size === 0) return undefined;
  const pids = namesIn("/proc").filter((name) => /^\d+$/.test(name));
  const holds = (file: string) => sockets.has(attempt(() => readlinkSync(file)) ?? "");
  const pid = pids.find((one) => namesIn(`/proc/${one}/fd`).some((name) => holds(`/proc/${one}/fd/${name}`)));
  if (pid === undefined) return undefined;
  return { pid: Number(pid), name: attempt(() => readFileSync(`/proc/${pid}/comm`, "utf8"))?.trim() ?? "" };
}
