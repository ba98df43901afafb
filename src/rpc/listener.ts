import { readFileSync, readlinkSync } from "node:fs";
import type { InstallConfig } from "../config/client.ts";
import { attempt } from "../lib/attempt.ts";
import { findProgram, run } from "../lib/exec.ts";
import { addressOf } from "../lib/kernel_address.ts";
import { namesIn } from "../lib/permissions.ts";
import { socketsIn, socketsOn } from "./owner.ts";

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

/** An address at which a process listens. `0.0.0.0` and `::` mean every address of this machine. */
export interface Address {
  host: string;
  port: number;
}

/** The TCP addresses at which a process of this user listens. Empty if the system does not tell. */
export async function addressesOf(pid: number, config: InstallConfig): Promise<Address[]> {
  if (process.platform === "linux") return addressesInProc(pid);
  const lsof = findProgram("lsof", config, ["/usr/sbin"]);
  if (lsof === undefined) return [];
  const { stdout } = await run(
    [lsof, "-nP", "-a", "-p", String(pid), "-iTCP", "-sTCP:LISTEN", "-Fn"],
    config,
  );
  return [...stdout.matchAll(/^n(.*):(\d+)$/gm)].map(([, host = "", port]) => ({
    host: host === "*" ? "0.0.0.0" : host.replace(/^\[(.*)\]$/, "$1"),
    port: Number(port),
  }));
}

async function addressesInProc(pid: number): Promise<Address[]> {
  const folder = `/proc/${pid}/fd`;
  const open = new Set(namesIn(folder).map((name) => attempt(() => readlinkSync(`${folder}/${name}`))));
  const found = [...(await socketsIn("/proc/net/tcp")), ...(await socketsIn("/proc/net/tcp6"))];
  return found
    .filter(({ inode }) => open.has(`socket:[${inode}]`))
    .map(({ address, port }) => ({ host: addressOf(address), port }));
}
