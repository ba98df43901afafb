import type { InstallConfig } from "../config.ts";

export interface ServiceState {
  /** Its file is there. */
  installed: boolean;
  /** The service manager starts it at login. */
  enabled: boolean;
  running: boolean;
  pid: number | undefined;
  /** The manager's own words, for people. */
  detail: string;
}

/** The bus as a service of the person who is logged in: a LaunchAgent, or a unit of systemd --user. */
export interface Service {
  /** What people call it: `systemd user unit agent-event-bus.service`. */
  name: string;
  /** Its file. */
  file: string;
  /** What that file has to hold for this executable. */
  text(binary: string): string;
  state(): Promise<ServiceState>;
  /** Makes the manager read the file, start the bus and start it again at each login; a running one is replaced. Throws Error. */
  start(): Promise<void>;
  restart(): Promise<void>;
  /** Stops it, waits until it is gone, and keeps it from coming back. */
  stop(): Promise<void>;
  /** What a person can type to see why it does not run. */
  why: string;
  /** What still has to be done by hand, like lingering. */
  hint(): Promise<string | undefined>;
}

/** The service manager of this machine; the reason when there is none. */
export async function findService(_config: InstallConfig): Promise<Service | { none: string }> {
  throw new Error("not built");
}
