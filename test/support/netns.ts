import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { tempFolder } from "./folder.ts";
import { type Bytes, hold, type RawAnswer, raw } from "./raw.ts";

/** Why network namespaces cannot be made here; null when they can. */
export const noNamespaces = whyNot();

/** A network of its own, whose processes are started with `inside` in front of their words. */
export interface Namespace {
  inside: readonly string[];
  /** Sends bytes to an address as this namespace sees it, and reads one HTTP answer. */
  send(host: string, port: number, bytes: Bytes, ms?: number): Promise<RawAnswer>;
  /** Opens a connection that stays. */
  hold(host: string, port: number, bytes: Bytes): ReturnType<typeof hold>;
  /** Runs `ip` on its addresses and routes. */
  ip(...args: string[]): void;
}

/** Two machines and the cable between them. */
export interface Wire {
  server: Namespace;
  client: Namespace;
  /** Pulls the cable: nothing arrives at either end, and neither is told. */
  pull(): void;
  plug(): void;
}

let wires = 0;
const laid = new Set<() => void>();

/** Takes away every wire that there is, one too that is still being laid. */
export function removeWires(): void {
  for (const remove of laid) remove();
}

/**
 * Lays a cable; each pair is one network, the server's address first, with the length of its prefix. Both ends know these names
 * of hosts and their addresses.
 */
export async function layWire(
  networks: readonly (readonly [string, string])[],
  hosts: Readonly<Record<string, string>> = {},
): Promise<Wire> {
  const name = `aeb-${process.pid}-${++wires}`;
  const names = [`${name}-s`, `${name}-c`] as const;
  const relays: (() => void)[] = [];
  const remove = () => {
    for (const end of relays.splice(0)) end();
    for (const one of names) {
      quietly("netns", "del", one);
      rmSync(`/etc/netns/${one}`, { recursive: true, force: true });
    }
    // Gone when no other network has names.
    Bun.spawnSync(["rmdir", "/etc/netns"], { stdio: ["ignore", "ignore", "ignore"] });
    laid.delete(remove);
  };
  laid.add(remove);
  try {
    for (const one of names) ip("netns", "add", one);
    if (Object.keys(hosts).length > 0) for (const one of names) nameHosts(one, hosts);
    // Both ends are named cable: each namespace has its own names.
    ip("-n", names[0], "link", "add", "cable", "type", "veth", "peer", "name", "cable", "netns", names[1]);
    for (const [side, one] of names.entries()) {
      ip("-n", one, "link", "set", "lo", "up");
      ip("-n", one, "link", "set", "cable", "up");
      for (const pair of networks)
        ip("-n", one, "address", "add", String(pair[side]), "dev", "cable", ...quick(pair[side]));
    }
    const [server, client] = await Promise.all(names.map((one) => enter(one, relays)));
    if (server === undefined || client === undefined) throw new Error("no namespaces");
    const set = (state: string) => ip("-n", names[1], "link", "set", "cable", ...state.split(" "));
    return { server, client, pull: () => set("down"), plug: () => set("up") };
  } catch (error) {
    remove();
    throw error;
  }
}

/** Another machine of that name, on a cable from this one. */
export interface Neighbour {
  /** Words in front of a program that runs there. */
  inside: readonly string[];
  /** This machine's address, as seen from there. */
  host: string;
  remove(): void;
}

/** Lays a cable from this machine to a new one. */
export function layNeighbour(hostname: string): Neighbour {
  const name = `aeb-${process.pid}-${++wires}-n`;
  const [cable, host] = [`aeb${process.pid % 100_000}n${wires}`, `10.78.${wires % 250}.1`];
  const remove = () => {
    quietly("netns", "del", name);
    laid.delete(remove);
  };
  laid.add(remove);
  ip("netns", "add", name);
  ip("link", "add", cable, "type", "veth", "peer", "name", "cable", "netns", name);
  ip("address", "add", `${host}/24`, "dev", cable);
  ip("link", "set", cable, "up");
  ip("-n", name, "link", "set", "lo", "up");
  ip("-n", name, "link", "set", "cable", "up");
  ip("-n", name, "address", "add", `${host.replace(/1$/, "2")}/24`, "dev", "cable");
  const named = ["unshare", "--uts", "sh", "-c", `hostname ${hostname} && exec "$@"`, "there"];
  return { inside: ["ip", "netns", "exec", name, ...named], host, remove };
}

// `ip netns exec` puts such files in the place of those in /etc.
function nameHosts(name: string, hosts: Readonly<Record<string, string>>): void {
  const lines = Object.entries({ localhost: "127.0.0.1", ...hosts }).map(
    ([host, address]) => `${address} ${host}\n`,
  );
  mkdirSync(`/etc/netns/${name}`, { recursive: true });
  writeFileSync(`/etc/netns/${name}/hosts`, lines.join(""));
}

// An IPv6 address is looked for on the network first, for a second, before it can be used.
function quick(address = ""): string[] {
  return address.includes(":") ? ["nodad"] : [];
}

async function enter(name: string, relays: (() => void)[]): Promise<Namespace> {
  const inside = ["ip", "netns", "exec", name];
  const socket = join(tempFolder(true), "relay");
  const relay = Bun.spawn([...inside, process.execPath, join(import.meta.dir, "relay.ts"), socket], {
    stdin: "pipe",
    stdout: "pipe",
    stderr: "inherit",
  });
  relays.push(() => relay.kill("SIGKILL"));
  for await (const _ of relay.stdout) break;
  const addressed = (host: string, port: number, bytes: Bytes) =>
    Buffer.concat([Buffer.from(`${host} ${port}\n`), Buffer.from(bytes as string)]);
  return {
    inside,
    send: (host, port, bytes, ms) => raw(socket, addressed(host, port, bytes), ms),
    hold: (host, port, bytes) => hold(socket, addressed(host, port, bytes)),
    ip: (...args) => ip("-n", name, ...args),
  };
}

function ip(...args: string[]): void {
  const { success, stderr } = Bun.spawnSync(["ip", ...args]);
  if (!success) throw new Error(`ip ${args.join(" ")}: ${stderr}`);
}

function quietly(...args: string[]): void {
  Bun.spawnSync(["ip", ...args], { stdio: ["ignore", "ignore", "ignore"] });
}

function whyNot(): string | null {
  if (Bun.which("ip") === null) return "no command ip (iproute2)";
  const name = `aeb-${process.pid}-probe`;
  try {
    ip("netns", "add", name);
    ip("netns", "exec", name, "true");
    return null;
  } catch (error) {
    return String((error as Error).message).trim();
  } finally {
    quietly("netns", "del", name);
  }
}
