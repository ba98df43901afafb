import type { Environment, InstallConfig } from "../config/client.ts";
import { findLaunchd } from "./launchd.ts";
import { findSystemd } from "./systemd.ts";

export interface ServiceState {
  /** Its file is there. */
  installed: boolean;
  /** The service manager starts it at login. */
  enabled: boolean;
  running: boolean;
  pid: number | undefined;
  /** It ended, and the manager does not start it again by itself. */
  failed: boolean;
  /** The manager's own words, for people. */
  detail: string;
}

/** Where the service runs, and what it has to be able to write. */
export interface Places {
  program: string;
  /** The data directory. */
  folder: string;
  /** Every folder that the bus writes to. */
  writable: readonly string[];
}

/** The bus as a service of the person who is logged in: a LaunchAgent, or a unit of systemd --user. */
export interface Service {
  /** What people call it: `systemd user unit agent-event-bus.service`. */
  name: string;
  /** Its file. */
  file: string;
  /** What that file has to hold. */
  text(places: Places): string;
  /** The command that the text of such a file runs, and the environment that it sets. */
  parse(text: string): Command;
  state(): Promise<ServiceState>;
  /** Makes the manager read the file, start the bus and start it again at each login; a running one is replaced. Throws Error. */
  start(): Promise<void>;
  /** Ends the running one, which finishes its calls, and starts another. Throws Error. */
  restart(): Promise<void>;
  /** Stops it, waits until it is gone, and keeps it from coming back; also when its file is gone. */
  stop(): Promise<void>;
  /** To be called when its file was removed. */
  forget(): Promise<void>;
  /** What a person can type to see why it does not run. */
  why: string;
  /** What still has to be done by hand, like lingering. */
  hint(): Promise<string | undefined>;
}

export interface Command {
  /** Its words, the program first. */
  words: string[];
  folder: string | undefined;
  env: Environment;
}

/** The service manager of this machine; the reason when there is none. */
export async function findService(
  config: InstallConfig,
  platform: NodeJS.Platform = process.platform,
): Promise<Service | { none: string }> {
  if (platform === "darwin") return findLaunchd(config);
  if (platform === "linux") return findSystemd(config);
  return { none: "on this system the installer knows no service manager" };
}
