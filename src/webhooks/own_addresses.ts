import { BlockList, isIP } from "node:net";
import { networkInterfaces } from "node:os";

const LIMIT_MS = 1_000;

/**
 * True if packets to an address stay on this machine: an interface has it, or the system would send them from that same
 * address. Asked again each time: interfaces and routes change.
 */
export async function isOwn(address: string): Promise<boolean> {
  const own = new BlockList();
  for (const found of Object.values(networkInterfaces()).flat()) if (found) add(own, found.address);
  const source = await sourceTo(address);
  if (source !== undefined) add(own, source);
  return own.check(address, familyOf(address));
}

function add(list: BlockList, address: string): void {
  const [plain = ""] = address.split("%");
  if (isIP(plain) !== 0) list.addAddress(plain, familyOf(plain));
}

function familyOf(address: string): "ipv4" | "ipv6" {
  return isIP(address) === 6 ? "ipv6" : "ipv4";
}

/** Connecting a datagram socket sends nothing; undefined if there is no route. */
async function sourceTo(address: string): Promise<string | undefined> {
  const { createSocket } = await import("node:dgram");
  const socket = createSocket(isIP(address) === 6 ? "udp6" : "udp4");
  const found = await new Promise<string | undefined>((resolve) => {
    const timer = setTimeout(resolve, LIMIT_MS, undefined);
    const settle = (source?: string) => {
      clearTimeout(timer);
      resolve(source);
    };
    // Not by a callback, which Node would call with the error too.
    socket.on("error", () => settle());
    socket.on("connect", () => settle(socket.address().address));
    socket.connect(DISCARD, address);
  });
  socket.close();
  return found;
}

const DISCARD = 9;
