import { networkInterfaces } from "node:os";
import { resolve } from "node:path";
import { environment, type InstallConfig, installConfig, machine, settingsFile } from "../config/client.ts";
import { type ServerConfig, serverConfig } from "../config/server.ts";
import { isLoopback } from "../lib/loopback.ts";
import { realOf } from "../lib/permissions.ts";
import { type Address, addressesOf } from "../rpc/listener.ts";
import { busOf } from "./holder.ts";

/** The way to a bus from another machine. */
export interface Reached {
  url: string;
  /** Lines for the user, such as a setting that keeps other machines out. */
  notes: string[];
}

const EVERYWHERE = ["0.0.0.0", "::"];

/** The URL of a database's bus for other machines, by where it listens now, or else by its settings. */
export async function addressFor(db: string | undefined): Promise<Reached> {
  const config = installConfig(environment);
  const settings = serverConfig({ db }, environment, settingsFile());
  const listens = await listensAt(realOf(resolve(settings.db)), config, settings);
  const host = listens?.host ?? settings.host;
  const port = listens?.port ?? settings.port;
  const shared = settings.allowedHosts.find((name) => name.endsWith(".ts.net"));
  if (isLoopback(host) && shared !== undefined)
    return {
      url: `https://${shared}/agent-event-bus/mcp`,
      notes: ["The path is the one given to tailscale serve."],
    };
  return { url: `http://${nameOf(host)}:${port}/mcp`, notes: notesOf(host, port, settings, listens) };
}

async function listensAt(
  db: string,
  config: InstallConfig,
  { port }: ServerConfig,
): Promise<Address | undefined> {
  const bus = await busOf(db, config);
  const found = bus.kind === "bus" ? await addressesOf(bus.pid, config) : [];
  return found.find((one) => one.port === port) ?? found[0];
}

/** The name of this machine, unless the bus listens at one address of it only. */
function nameOf(host: string): string {
  if (isLoopback(host) || EVERYWHERE.includes(host)) return machine();
  return host.includes(":") ? `[${host}]` : host;
}

function notesOf(host: string, port: number, settings: ServerConfig, listens: Address | undefined): string[] {
  if (EVERYWHERE.includes(host)) {
    const address = ownAddress();
    return address === undefined
      ? []
      : [`If that machine does not know the name ${machine()}: http://${address}:${port}/mcp`];
  }
  if (!isLoopback(host)) return [];
  const changed = listens !== undefined && !isLoopback(settings.host);
  const open = changed ? "agent-event-bus restart" : "agent-event-bus install server --host 0.0.0.0";
  return [`The bus listens on ${host} only, which other machines do not reach. To change that: ${open}`];
}

/** An IPv4 address of this machine in a network. */
function ownAddress(): string | undefined {
  const all = Object.values(networkInterfaces()).flatMap((some) => some ?? []);
  return all.find(({ family, internal }) => family === "IPv4" && !internal)?.address;
}
