import { addressOf } from "../../lib/kernel_address.ts";
import { piecesOf } from "../../runtime/file.ts";
import type { Peer } from "../../runtime/runtime.ts";

/** Linux gives no inode to the sockets that no process holds any more. */
const NONE = "0";
const LISTENING = "0A";

/** All sockets of this machine with a peer's address and port, and their users. Empty for a peer elsewhere. Linux only. */
export async function socketsOf({ address, port, to }: Peer): Promise<ReadonlyMap<string, number>> {
  const number = numbered(port);
  // Connections to different ports may share the one that they come from.
  const other = to === undefined ? "" : numbered(to);
  const [exact, all] = [new Map<string, number>(), new Map<string, number>()];
  for (const table of address.includes(":") ? ["tcp6"] : ["tcp", "tcp6"])
    for await (const [, local = "", remote = "", state, , , , uid, , inode = NONE] of rowsOf(
      `/proc/net/${table}`,
    )) {
      if (inode === NONE || state === LISTENING || !local.endsWith(number)) continue;
      if (!isSame(addressOf(local.slice(0, -number.length)), address)) continue;
      all.set(inode, Number(uid));
      if (remote.endsWith(other)) exact.set(inode, Number(uid));
    }
  // The system may have sent it on from another port.
  return exact.size > 0 ? exact : all;
}

function numbered(port: number): string {
  return `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
}

async function* rowsOf(table: string): AsyncGenerator<string[]> {
  try {
    let rest = "";
    for await (const piece of piecesOf(table)) {
      const lines = (rest + piece).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) yield line.trim().split(/\s+/);
    }
  } catch {
    // A kernel without IPv6 has no second table.
  }
}

const MAPPED = /^::ffff:([\da-f]{1,4}):([\da-f]{1,4})$/;

/** `written` is as `addressOf` writes it, where IPv4 may stand inside IPv6. */
function isSame(written: string, address: string): boolean {
  const [, high = "", low = ""] = MAPPED.exec(written) ?? [];
  if (high === "") return written === address.split("%")[0];
  const [a, b] = [Number.parseInt(high, 16), Number.parseInt(low, 16)];
  return address === [a >> 8, a & 255, b >> 8, b & 255].join(".");
}
