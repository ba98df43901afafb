import { existsSync } from "node:fs";
import { basename } from "node:path";
import { quoted } from "../../admin/reason.ts";
import {
  busUrl,
  type ClientConfig,
  clientConfig,
  type Environment,
  environment,
  type InstallConfig,
  installConfig,
  keptToken,
  localUrl,
  settingsFile,
} from "../../config.ts";
import { VARIABLES } from "../../variables.ts";
import { programPath } from "../binary.ts";
import { type HooksFound, lookAtHooks } from "../hooks.ts";
import { type Probe, probe } from "../reach.ts";
import { lookAtRegistration, type Registration } from "../registration.ts";
import { findService, type Service, type ServiceState } from "../service.ts";

/** What a check found. A `note` is no problem; what is `bad` comes with the command that repairs it. */
export interface Finding {
  what: string;
  state: "ok" | "note" | "bad";
  found: string;
  repair?: string;
}

/** One thing to look at; several findings when it has several sides, none when it does not concern this machine. */
export interface Check {
  what: string;
  look(place: Place): Promise<Finding | readonly Finding[] | undefined>;
}

/** The machine that is looked at. What several checks look at is looked at once. */
export interface Place {
  config: InstallConfig;
  client: ClientConfig;
  /** Whose bus it uses: the one of this machine, or another's. */
  role: "server" | "client";
  settings: Environment;
  /** Why settings.env cannot be understood. */
  settingsBroken: string | undefined;
  url: string;
  /** The installed executable, whether it is there or not. */
  program: string;
  /** The program as a person can type it here. */
  command: string;
  /** What installs it here, or repairs its installation. */
  install: string;
  token(): string | undefined;
  probe(): Promise<Probe>;
  service(): Promise<{ service: Service; state: ServiceState } | { none: string }>;
  hooks(): HooksFound;
  registration(): Registration | undefined;
}

/** What this machine is. Changes nothing, and asks nobody yet. */
export function placeOf(): Place {
  const config = installConfig(environment);
  const client = clientConfig(environment);
  const { settings, broken } = readSettings();
  const here = localUrl(settings[VARIABLES.host.name], settings[VARIABLES.port.name]);
  const url = broken === undefined ? busUrl(undefined, environment) : environmentUrl() || here;
  const role = settings[VARIABLES.url.name] || !isSameUrl(url, here) ? "client" : "server";
  const program = programPath(config);
  const command = commandOf(config, program);
  const token = () => client.token ?? (isLoopback(url) ? undefined : keptToken());
  return {
    ...{ config, client, role, settings, settingsBroken: broken, url, program, command },
    install: `${command} install ${role === "server" ? "server" : `client --url ${quoted(url)}`}`,
    token: once(token),
    probe: once(async () => probeOf(url, token())),
    service: once(async () => {
      const service = await findService(config);
      return "none" in service ? service : { service, state: await service.state() };
    }),
    hooks: once(() => lookAtHooks(config, program)),
    registration: once(() => lookAtRegistration(config)),
  };
}

function readSettings(): { settings: Environment; broken: string | undefined } {
  try {
    return { settings: settingsFile(), broken: undefined };
  } catch (error) {
    return { settings: {}, broken: (error as Error).message };
  }
}

function environmentUrl(): string | undefined {
  return environment[VARIABLES.url.name];
}

// As a command does it: a bus of this machine is asked without the kept token first.
async function probeOf(url: string, token: string | undefined): Promise<Probe> {
  const found = await probe(url, token);
  const kept = found.kind === "unauthorized" && token === undefined ? keptToken() : undefined;
  return kept === undefined ? found : probe(url, kept);
}

function commandOf({ path }: InstallConfig, program: string): string {
  if (!existsSync(program))
    return isCompiled() ? quoted(process.execPath) : "./install.sh && agent-event-bus";
  const folder = program.slice(0, -basename(program).length - 1);
  return path.includes(folder) ? "agent-event-bus" : quoted(program);
}

/** Whether this is the executable, not the sources. */
export function isCompiled(): boolean {
  return /\$bunfs|~BUN/.test(import.meta.url);
}

export function isLoopback(url: string): boolean {
  return URL.canParse(url) && /^(127\.|localhost$|\[::1\]$)/.test(new URL(url).hostname);
}

/** Whether both lead to the same bus, as far as the text tells. */
export function isSameUrl(one: string, other: string): boolean {
  return plain(one) === plain(other);
}

function plain(text: string): string {
  if (!URL.canParse(text)) return text;
  const url = new URL(text);
  if (isLoopback(text)) url.hostname = "localhost";
  if (url.pathname === "/") url.pathname = "/mcp";
  return url.href.replace(/\/$/, "");
}

/** The machine of a URL, for people. */
export function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).hostname : url;
}

function once<T>(look: () => T): () => T {
  let found: { value: T } | undefined;
  return () => {
    found ??= { value: look() };
    return found.value;
  };
}
