import { mkdirSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { type InstallConfig, keptToken, settingsPath, version } from "../config/client.ts";
import { localUrl } from "../config/parse_settings.ts";
import type { ServerConfig } from "../config/server.ts";
import { textOf } from "../lib/files.ts";
import { realOf } from "../lib/permissions.ts";
import { within } from "../lib/within.ts";
import { type Probe, probe } from "../rpc/probe.ts";
import { programPath } from "./binary.ts";
import type { Journal } from "./journal.ts";
import { expectFree } from "./port.ts";
import { findOriginal } from "./python_original.ts";
import type { Places, Service, ServiceState } from "./service_types.ts";
import { planned, type Step, step, unchanged } from "./steps.ts";

const ANSWERS_MS = 15_000;
const TAIL_BYTES = 4096;
const READABLE = 0o644;

interface Wanted {
  config: InstallConfig;
  journal: Journal;
  service: Service;
  /** The settings of the bus that it will run. */
  server: ServerConfig;
  /** An earlier step replaces the executable or the settings. */
  renewed: boolean;
}

/** Writes the service's file, starts the service, and waits until this version answers. */
export function serviceStep({ config, journal, service, server, renewed }: Wanted): Step {
  return step("service", async () => {
    const places = placesOf(config, server);
    const content = service.text(places);
    const state = await service.state();
    const original = findOriginal(config, service, places.program);
    await expectFree(config, server, state, original !== undefined);
    const text = `${service.name} runs ${places.program} at ${addressOf(server)}`;
    const asWanted = textOf(service.file) === content && state.enabled && state.running && !renewed;
    if (asWanted && (await isCurrent(config, server))) return unchanged(text);
    journal.check(service.file);
    return planned(text, async () => {
      journal.onUndo(() => putBack(service, state));
      for (const folder of places.writable) mkdirSync(folder, { recursive: true, mode: 0o700 });
      journal.write(service.file, content, { mode: READABLE });
      try {
        await service.start();
        await untilItAnswers(service, server, state.pid);
      } catch (error) {
        await service.disable();
        throw error;
      }
      if (original === undefined) return undefined;
      return `Replaces the service that ran ${original.runs}. A copy of its file: ${journal.backupOf(service.file)}`;
    });
  });
}

async function putBack(service: Service, before: ServiceState): Promise<void> {
  if (before.running) return service.start();
  if (!before.installed) await service.disable();
  await service.forget();
}

/** Stops the service and removes its file. A service of another program stays. */
export function removeServiceStep(config: InstallConfig, journal: Journal, service: Service): Step {
  return step("service", async () => {
    const state = await service.state();
    if (textOf(service.file) === undefined && !state.running) return unchanged(`no ${service.name}`);
    const foreign = findOriginal(config, service, programPath(config));
    if (foreign !== undefined)
      return unchanged(`${service.name} runs ${foreign.runs}, which is not ours and stays`);
    journal.check(service.file);
    return planned(`no ${service.name}`, async () => {
      journal.onUndo(() => putBack(service, state));
      await service.disable();
      const copy = journal.backupOf(service.file);
      journal.remove(service.file);
      await service.forget();
      return copy && `The previous service was kept as ${copy}`;
    });
  });
}

/** Waits until a new process of the service answers with this version. @throws Error with the reason. */
export async function untilItAnswers(
  service: Service,
  server: ServerConfig,
  former: number | undefined,
): Promise<number | undefined> {
  const url = addressOf(server);
  let state = await service.state();
  const isSettled = await within(ANSWERS_MS, async () => {
    state = await service.state();
    const isNew = state.running && state.pid !== former;
    return state.failed || (isNew && (await answersAsOurs(url)));
  });
  if (isSettled && !state.failed) return state.pid;
  const said = lastError(server.log);
  const waited = state.failed ? "" : ` within ${ANSWERS_MS / 1000} s`;
  throw new Error(
    `The bus did not answer at ${url}${waited}. Its service is ${state.detail}.${said === undefined ? ` To see why: ${service.why}.` : ` Its log says: ${said}`}`,
  );
}

export function addressOf({ host, port }: ServerConfig): string {
  return localUrl(host, port);
}

/** True if a bus answers, also one that refuses this machine. */
export function isBus({ kind }: Probe): boolean {
  return kind === "bus" || kind === "unauthorized";
}

/** True for a bus of this version. One that refuses this machine does not tell its version. */
async function answersAsOurs(url: string): Promise<boolean> {
  const answer = await probe(url, keptToken());
  return answer.kind === "bus" ? answer.version === version : isBus(answer);
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

/** True if this version answers, started after the last change of its executable and its settings. */
export async function isCurrent(config: InstallConfig, server: ServerConfig): Promise<boolean> {
  if (!(await answersAsOurs(addressOf(server)))) return false;
  const changed = (path: string) => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  // A bus writes this file as it starts. Its uptime would be too coarse.
  const started = changed(`${realOf(server.db)}.pid`);
  return [programPath(config), settingsPath()].every((path) => changed(path) <= started);
}

/** The reason in the last line of a log, if that line tells of an error. */
export function lastError(log: string): string | undefined {
  const last = textOf(log)?.slice(-TAIL_BYTES).trimEnd().split("\n").at(-1);
  return /^\S+ error +(.*)$/.exec(last ?? "")?.[1];
}
