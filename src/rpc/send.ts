import { socketPath } from "../config/client.ts";
import { isLoopback } from "../lib/loopback.ts";
import { trustSystemStore } from "../runtime/connect.ts";
import { NotOurs } from "./errors.ts";

/**
 * Sends a request to a bus. On this machine no token and no payload reaches another user's program. The request goes through the socket in the data directory, or the owner of the TCP port is checked first.
 * @throws NotOurs if the port belongs to another user.
 */
export async function send(url: URL, init: RequestInit, bySocket = true): Promise<Response> {
  const target = reachable(url);
  if (target.protocol === "https:") trustSystemStore();
  if (!isLoopback(target.hostname)) return fetch(target, init);
  // Bun sends even loopback calls through HTTP_PROXY unless told not to. Node ignores `proxy` and `unix`.
  const direct = { ...init, proxy: false };
  if (bySocket && hasSocket(target)) {
    try {
      // No stat: write access to the data directory already decides which bus is asked, by settings.env.
      return await fetch(target, { ...direct, unix: socketPath(target.port || HTTP_PORT) } as RequestInit);
    } catch (error) {
      if (!UNCONNECTED.includes(String((error as { code?: unknown }).code))) throw error;
    }
  }
  const { ownerOf, told } = await import("./owner.ts");
  const owner = await ownerOf(target);
  if (owner.kind === "nobody") throw owner.error;
  if (owner.kind !== "trusted") throw new NotOurs(told(target, owner));
  return fetch(target, direct as RequestInit);
}

const HTTP_PORT = "80";

/** The addresses whose port a bus serves on a socket too. Another address in 127.0.0.0/8 may be another bus. */
const SERVED = ["127.0.0.1", "localhost", "[::1]"];

function hasSocket({ protocol, hostname }: URL): boolean {
  return (
    process.versions.bun !== undefined &&
    process.platform !== "win32" &&
    protocol === "http:" &&
    SERVED.includes(hostname)
  );
}

/** No connection was made, so that the request can go another way. EAGAIN is a full backlog. */
const UNCONNECTED = ["ENOENT", "ECONNREFUSED", "EAGAIN", "EACCES", "EPERM", "ENOTDIR", "ENAMETOOLONG"];

/** The same URL with one spelling of each loopback host. A resolver may send x.localhost anywhere. */
export function reachable(url: URL): URL {
  const { hostname } = url;
  if (hostname === "127.0.0.1") return url;
  const plain = hostname === "0.0.0.0" ? "127.0.0.1" : hostname === "[::]" ? "[::1]" : hostname;
  const named = /^(.+\.)?localhost\.?$/.test(plain) ? "localhost" : plain;
  if (named === hostname) return url;
  const changed = new URL(url);
  changed.hostname = named;
  return changed;
}
