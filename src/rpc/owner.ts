import { busUser } from "../config/client.ts";
import { VARIABLES } from "../config/variables.ts";
import { connectionError } from "../runtime/connect.ts";
import { piecesOf, textOf } from "../runtime/file.ts";
import type { Told } from "./errors.ts";

/** The owner of the program that listens at a loopback URL. `trusted`: this user, root, or AGENT_EVENT_BUS_BUS_USER. */
export type Owner =
  | { kind: "trusted" }
  | { kind: "other"; user: string }
  /** A program answers, and the system does not tell its user. */
  | { kind: "unknown" }
  | { kind: "nobody"; error: unknown };

const CONNECT_MS = 1_000;
const ROOT = 0;
const ANY_USER = "any";

export async function ownerOf(url: URL): Promise<Owner> {
  const allowed = busUser();
  // On Windows this takes a program that needs seconds.
  if (allowed === ANY_USER || process.platform === "win32") return { kind: "trusted" };
  const found = await listenersAt(url.hostname, portOf(url));
  const other = found.find((uid) => !isTrusted(uid, allowed));
  if (other !== undefined) return { kind: "other", user: userName(other) };
  if (found.length > 0) return { kind: "trusted" };
  const error = await connectionError(bare(url.hostname), portOf(url), CONNECT_MS);
  return error === undefined ? { kind: "unknown" } : { kind: "nobody", error };
}

/** The problem with an owner that is not trusted, and its remedy. */
export function told(url: URL, owner: Owner): Told {
  const port = portOf(url);
  const untouched = `so nothing was sent to ${url.origin}.`;
  if (owner.kind === "other")
    return {
      user: owner.user,
      found: `Port ${port} of this machine belongs to another user (${owner.user}), ${untouched}`,
      advice: `To use the bus of ${owner.user}, set ${VARIABLES.busUser.name}=${owner.user}. To run your own bus on another port: agent-event-bus install server --port ${port + 1}`,
    };
  return {
    user: ANY_USER,
    found: `Port ${port} does not seem to belong to one of your programs, ${untouched}`,
    advice: `If a container or a forwarded port leads to your bus, set ${VARIABLES.busUser.name}=any.`,
  };
}

/** Another user whose program listens at a loopback URL. Undefined if there is no such user. */
export async function otherUserAt(url: URL): Promise<string | undefined> {
  if (process.platform === "win32") return undefined;
  const found = await listenersAt(url.hostname, portOf(url));
  const other = found.find((uid) => uid !== process.getuid?.());
  return other === undefined ? undefined : userName(other);
}

function bare(hostname: string): string {
  return hostname.replace(/^\[(.*)\]$/, "$1");
}

function portOf({ port, protocol }: URL): number {
  return Number(port || (protocol === "https:" ? 443 : 80));
}

function isTrusted(uid: number, allowed: string | undefined): boolean {
  if (uid === ROOT || uid === process.getuid?.()) return true;
  return allowed !== undefined && (allowed === String(uid) || allowed === userName(uid));
}

/** The user's name in /etc/passwd, or else the number. */
function userName(uid: number): string {
  const lines = (textOf("/etc/passwd") ?? "").split("\n").map((line) => line.split(":"));
  return lines.find(([, , id]) => id === String(uid))?.[0] ?? String(uid);
}

/** The users of all listeners that a connection to the host may reach. */
async function listenersAt(hostname: string, port: number): Promise<number[]> {
  if (process.platform !== "linux") return listenersByLsof(port);
  const host = bare(hostname);
  if (host === "localhost") return [...(await listenersV4("127.0.0.1", port)), ...(await listenersV6(port))];
  const mapped = /^::ffff:([0-9a-f]+):([0-9a-f]+)$/.exec(host);
  if (mapped !== null) return listenersV4(dotted(mapped[1], mapped[2]), port);
  return host.includes(":") ? listenersV6(port) : listenersV4(host, port);
}

const ANY_V4 = "00000000";
const ANY_V6 = "0".repeat(32);
// Words of four bytes in reverse order.
const LOOPBACK_V6 = "00000000000000000000000001000000";
const MAPPED = "0000000000000000FFFF0000";

/** Looks at IPv6 only if IPv4 has no listener. A dual-stack socket cannot share its port with an IPv4 one. */
async function listenersV4(host: string, port: number): Promise<number[]> {
  const bytes = host.split(".").map((byte) => Number(byte).toString(16).padStart(2, "0"));
  const address = bytes.reverse().join("").toUpperCase();
  const found = await listenersIn("/proc/net/tcp", port, [address, ANY_V4]);
  return found.length > 0 ? found : listenersIn("/proc/net/tcp6", port, [MAPPED + address, ANY_V6]);
}

function listenersV6(port: number): Promise<number[]> {
  return listenersIn("/proc/net/tcp6", port, [LOOPBACK_V6, ANY_V6]);
}

function dotted(high = "", low = ""): string {
  const [a, b] = [Number.parseInt(high, 16), Number.parseInt(low, 16)];
  return [a >> 8, a & 255, b >> 8, b & 255].join(".");
}

async function listenersIn(table: string, port: number, addresses: readonly string[]): Promise<number[]> {
  const sockets = await socketsOn(table, port);
  return sockets.filter(({ address }) => addresses.includes(address)).map(({ uid }) => uid);
}

/** The sockets that listen on a port, by one of the system's tables. Empty if the table cannot be read. */
export async function socketsOn(table: string, port: number) {
  return (await socketsIn(table)).filter((one) => one.port === port);
}

/** All listening sockets of one of the system's tables. Empty if the table cannot be read. */
export async function socketsIn(table: string) {
  const found: { address: string; port: number; uid: number; inode: string }[] = [];
  for await (const [, local = "", , , , , , uid, , inode = ""] of listening(table)) {
    const [address = "", number = ""] = local.split(":");
    found.push({ address, port: Number.parseInt(number, 16), uid: Number(uid), inode });
  }
  return found;
}

const LISTENING = "0A";

/** The fields of listening sockets, which come first in a large table. */
async function* listening(table: string): AsyncGenerator<string[]> {
  try {
    let rest = "";
    let heading = true;
    for await (const piece of piecesOf(table)) {
      const lines = (rest + piece).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) {
        const fields = line.trim().split(/\s+/);
        if (!heading && fields[3] !== LISTENING) return;
        if (!heading) yield fields;
        heading = false;
      }
    }
  } catch {}
}

const LSOF_MS = 2_000;

/** Only root sees programs of other users this way. Without root they are missing from the list. */
function listenersByLsof(port: number): Promise<number[]> {
  const words = ["-nP", `-iTCP:${port}`, "-sTCP:LISTEN", "-Fu"];
  return new Promise((resolve) => {
    process
      .getBuiltinModule("node:child_process")
      .execFile("/usr/sbin/lsof", words, { timeout: LSOF_MS }, (_, stdout) => {
        const uids = [...stdout.matchAll(/^u(\d+)$/gm)];
        resolve(uids.map(([, uid]) => Number(uid)));
      });
  });
}
