import { mkdirSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { type Environment, type InstallConfig, keptToken, settingsPath, version } from "../config/client.ts";
import { type ServerConfig, serverConfig } from "../config/server.ts";
import { realOf } from "../lib/permissions.ts";
import { probe } from "../rpc/probe.ts";
import { programPath } from "./binary.ts";
import { textOf } from "./files.ts";
import type { Ledger } from "./journal.ts";
import { expectFree } from "./port.ts";
import { findOriginal, urlOf } from "./python_original.ts";
import type { Places, Service, ServiceState } from "./service.ts";
import type { Plan, Step } from "./steps.ts";

const ANSWERS_MS = 15_000;
const POLL_MS = 100;
const TAIL_BYTES = 4096;
const READABLE = 0o644;

interface Wanted {
  config: InstallConfig;
  ledger: Ledger;
  service: Service;
  /** The settings it will have. */
  server: ServerConfig;
  /** Its executable or its settings are replaced before this step. */
  renewed: boolean;
}

/** Writes the service's file, starts it, and waits until this executable's version answers. */
export function serviceStep(wanted: Wanted): Step {
  return { what: "service", plan: () => planService(wanted) };
}

async function planService(wanted: Wanted): Promise<Plan> {
  const { config, ledger, service, server, renewed } = wanted;
  const places = placesOf(config, server);
  const content = service.text(places);
  const state = await service.state();
  const original = findOriginal(config, service, places.program);
  await expectFree({ config, server, state, replaces: original !== undefined });
  const url = addressOf(server);
  const text = `${service.name} runs ${places.program} at ${url}`;
  const asWanted = textOf(service.file) === content && state.enabled && state.running && !renewed;
  if (asWanted && (await isCurrent(config, server))) return { state: "unchanged", text };
  ledger.check(service.file);
  return {
    state: "planned",
    text,
    async apply() {
      for (const folder of places.writable) mkdirSync(folder, { recursive: true, mode: 0o700 });
      ledger.write(service.file, content, { mode: READABLE });
      try {
        await service.start();
        await untilItAnswers(service, server, state.pid);
      } catch (error) {
        await service.stop();
        throw error;
      }
      if (original === undefined) return undefined;
      return `Replaces the service that ran ${original.runs}; a copy of its file: ${ledger.backupOf(service.file)}`;
    },
    undo: () => putBack(service, state),
  };
}

async function putBack(service: Service, before: ServiceState): Promise<void> {
  if (before.running) return service.start();
  if (!before.installed) await service.stop();
  await service.forget();
}

/** Stops the service and removes its file; one that is not ours stays. */
export function removeServiceStep(config: InstallConfig, ledger: Ledger, service: Service): Step {
  return {
    what: "service",
    async plan(): Promise<Plan> {
      const state = await service.state();
      const text = textOf(service.file);
      if (text === undefined && !state.running) return { state: "unchanged", text: `no ${service.name}` };
      const foreign = findOriginal(config, service, programPath(config));
      if (foreign !== undefined)
        return { state: "unchanged", text: `${service.name} runs ${foreign.runs}; it is not ours and stays` };
      ledger.check(service.file);
      return {
        state: "planned",
        text: `no ${service.name}`,
        async apply() {
          await service.stop();
          const copy = ledger.backupOf(service.file);
          ledger.remove(service.file);
          await service.forget();
          return copy === undefined ? undefined : `The service that was there before was kept as ${copy}`;
        },
        undo: () => putBack(service, state),
      };
    },
  };
}

/** Waits until a new process of the service answers with this version; returns its number. Throws Error with what is known. */
export async function untilItAnswers(
  service: Service,
  server: ServerConfig,
  former: number | undefined,
): Promise<number | undefined> {
  const url = addressOf(server);
  let state = await service.state();
  for (const end = performance.now() + ANSWERS_MS; performance.now() < end && !state.failed; ) {
    if (state.running && state.pid !== former) {
      const answer = await probe(url, keptToken());
      // Without a token of its own this program hears no more of it.
      if (answer.kind === "unauthorized" || (answer.kind === "bus" && answer.version === version))
        return state.pid;
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    state = await service.state();
  }
  const said = lastError(server.log);
  const waited = state.failed ? "" : ` within ${ANSWERS_MS / 1000} s`;
  throw new Error(
    `The bus did not answer at ${url}${waited}; its service is ${state.detail}.${said === undefined ? ` To see why: ${service.why}.` : ` Its log says: ${said}`}`,
  );
}

/** The settings of the bus that the service runs: it starts in the data directory. Throws ConfigError. */
export function serverOf({ data }: InstallConfig, settings: Environment): ServerConfig {
  const server = serverConfig({}, {}, settings);
  const from = (path: string) => resolve(data, path);
  return { ...server, db: from(server.db), log: from(server.log), err: from(server.err) };
}

/** Where programs of this machine reach it. */
export function addressOf({ host, port }: ServerConfig): string {
  return urlOf({ HOST: host, PORT: String(port) });
}

function placesOf(config: InstallConfig, { db, log, err }: ServerConfig): Places {
  const files = [db, log, err];
  const folders = [...files, ...files.map(realOf)].map((path) => dirname(path));
  return {
    program: programPath(config),
    folder: config.data,
    writable: [...new Set([config.data, ...folders])],
  };
}

/** Whether what answers is this version, started after its executable and its settings were last changed. */
async function isCurrent(config: InstallConfig, server: ServerConfig): Promise<boolean> {
  const answer = await probe(addressOf(server), keptToken());
  // Without a token of its own this program hears no more of it.
  if (answer.kind !== "unauthorized" && (answer.kind !== "bus" || answer.version !== version)) return false;
  const changed = (path: string) => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  // A bus writes this file as it starts; the uptime that it tells is too coarse.
  const started = changed(`${realOf(resolve(config.data, server.db))}.pid`);
  return [programPath(config), settingsPath()].every((path) => changed(path) <= started);
}

function lastError(log: string): string | undefined {
  const last = textOf(log)?.slice(-TAIL_BYTES).trimEnd().split("\n").at(-1);
  return /^\S+ error +(.*)$/.exec(last ?? "")?.[1];
}
