import { existsSync } from "node:fs";
import { basename, resolve } from "node:path";
import { quoted } from "../../admin/reason.ts";
import {
  type ClientConfig,
  clientConfig,
  type Environment,
  environment,
  type InstallConfig,
  installConfig,
  keptToken,
  localUrl,
  parseSettings,
  settingsFile,
  settingsPath,
  settingsText,
} from "../../config/client.ts";
import { databasePath, serverConfig } from "../../config/server.ts";
import { VARIABLES } from "../../config/variables.ts";
import { isLoopbackUrl } from "../../lib/loopback.ts";
import { realOf } from "../../lib/permissions.ts";
import { type Probe, probe } from "../../rpc/probe.ts";
import { programPath } from "../binary.ts";
import { claudeVersion } from "../claude_version.ts";
import { type HooksFound, lookAtHooks } from "../hooks.ts";
import { Ledger } from "../journal.ts";
import type { Part } from "../manifest.ts";
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
  /** The database of this machine's bus. */
  db: string;
  /** Why settings.env cannot be understood. */
  settingsBroken: string | undefined;
  url: string;
  /** The installed executable, whether it is there or not. */
  program: string;
  /** The program as a person can type it here. */
  command: string;
  /** What installs it here, or repairs its installation. */
  install: string;
  /** What is sent at once. */
  token(): string | undefined;
  /** What is kept for a bus that wants a token; undefined too when it may not be read. */
  kept(): string | undefined;
  probe(): Promise<Probe>;
  service(): Promise<{ service: Service; state: ServiceState } | { none: string }>;
  hooks(): HooksFound;
  /** The same with what the version of Claude Code allows. */
  fittingHooks(): Promise<HooksFound>;
  registration(): Registration | undefined;
  /** Whether the person did not want a part at the last installation. */
  leftOut(part: Part): boolean;
}

/** What this machine is. Changes nothing, and asks nobody yet. */
export function placeOf(): Place {
  const config = installConfig(environment);
  const client = clientConfig(environment);
  const { settings, broken } = readSettings();
  const here = localUrl(settings[VARIABLES.host.name], settings[VARIABLES.port.name]);
  const { name } = VARIABLES.url;
  const url = environment[name] || settings[name] || here;
  const role = settings[name] || !isSameUrl(url, here) ? "client" : "server";
  const program = programPath(config);
  const command = commandOf(config, program);
  const kept = once(keptOrNot);
  const token = () => client.token ?? (isLoopbackUrl(url) ? undefined : kept());
  return {
    ...{ config, client, role, settings, settingsBroken: broken, url, program, command },
    install: `${command} install ${role === "server" ? "server" : `client --url ${quoted(url)}`}`,
    ...{ token, kept, db: databaseIn(settings) },
    probe: once(() => probeOf(url, token(), kept)),
    service: once(async () => {
      const service = await findService(config);
      return "none" in service ? service : { service, state: await service.state() };
    }),
    hooks: once(() => lookAtHooks(config, program)),
    fittingHooks: once(async () => lookAtHooks(config, program, await claudeVersion(config))),
    registration: once(() => lookAtRegistration(config)),
    leftOut: (part) => leftOutIn(config, part),
  };
}

function leftOutIn({ data }: InstallConfig, part: Part): boolean {
  try {
    return new Ledger(data).leftOut(part);
  } catch {
    return false;
  }
}

function readSettings(): { settings: Environment; broken: string | undefined } {
  try {
    const settings = settingsFile();
    return { settings, broken: problemOf(settings) };
  } catch (error) {
    return { settings: understood(settingsPath()), broken: (error as Error).message };
  }
}

/** The usual place when another is set that cannot be one: `settingsBroken` says so. */
function databaseIn(settings: Environment): string {
  try {
    return realOf(resolve(databasePath(undefined, environment, settings)));
  } catch {
    return databasePath(undefined, {}, {});
  }
}

function problemOf(settings: Environment): string | undefined {
  try {
    serverConfig({}, {}, settings);
    return undefined;
  } catch (error) {
    return `${settingsPath()}: ${(error as Error).message}`;
  }
}

/** The lines that are in order. */
function understood(file: string): Environment {
  try {
    const lines = settingsText().split("\n");
    return Object.assign({}, ...lines.map((line) => lineOf(line, file)));
  } catch {
    return {};
  }
}

function lineOf(line: string, file: string): Environment {
  try {
    return parseSettings(line, file);
  } catch {
    return {};
  }
}

function keptOrNot(): string | undefined {
  try {
    return keptToken();
  } catch {
    return undefined;
  }
}

// As a command does it: a bus of this machine is asked without the kept token first.
async function probeOf(
  url: string,
  token: string | undefined,
  keptOne: () => string | undefined,
): Promise<Probe> {
  try {
    const found = await probe(url, token);
    const kept = found.kind === "unauthorized" && token === undefined ? keptOne() : undefined;
    return kept === undefined ? found : await probe(url, kept);
  } catch (error) {
    return { kind: "nobody", sentence: (error as Error).message };
  }
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

/** Whether both lead to the same bus, as far as the text tells. */
export function isSameUrl(one: string, other: string): boolean {
  return plain(one) === plain(other);
}

function plain(text: string): string {
  if (!URL.canParse(text)) return text;
  const url = new URL(text);
  if (isLoopbackUrl(text)) url.hostname = "localhost";
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
