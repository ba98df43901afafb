import type { ServiceCommand } from "../lib/unit_file.ts";

export interface ServiceState {
  installed: boolean;
  /** The service manager starts it at login. */
  enabled: boolean;
  running: boolean;
  pid: number | undefined;
  /** Ended, and the manager does not start it again. */
  failed: boolean;
  /** Ended, and the manager starts it again soon. */
  restarting: boolean;
  /** The manager's own words. */
  detail: string;
}

/** Where the service runs, and what it writes. */
export interface Places {
  program: string;
  /** The data directory. */
  folder: string;
  writable: readonly string[];
}

/** The bus as a service of this user: a LaunchAgent, or a unit of systemd --user. */
export interface Service {
  /** For people: `systemd user unit agent-event-bus.service`. */
  name: string;
  file: string;
  text(places: Places): string;
  parse(text: string): ServiceCommand;
  state(): Promise<ServiceState>;
  /** Reads the file, starts the bus or replaces a running one, and enables it at login. @throws Error. */
  start(): Promise<void>;
  /** Ends the running bus, which finishes its calls, and starts another. @throws Error. */
  restart(): Promise<void>;
  /** Stops the bus until `start` or the next login, and waits until it is gone. @throws Error. */
  stop(): Promise<void>;
  /** Stops the bus for good, and waits until it is gone. Works without the file too. @throws Error. */
  disable(): Promise<void>;
  /** Call this once the file is removed. */
  forget(): Promise<void>;
  /** The command that tells why the service does not run. */
  why: string;
  /** A step for the user, like lingering. */
  hint(): Promise<string | undefined>;
}

/** The service, or the reason why this machine has no service manager. */
export type FoundService = Service | { none: string };

export function filled(template: string, values: Readonly<Record<string, string>>): string {
  return template.replace(/\{\{(\w+)\}\}/g, (_, name: string) => values[name] ?? "");
}
