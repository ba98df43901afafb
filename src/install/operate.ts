import { holderOf } from "../admin/holder.ts";
import {
  busUrl,
  clientConfig,
  environment,
  type InstallConfig,
  installConfig,
  keptToken,
  settingsFile,
  version,
} from "../config/client.ts";
import { type ServerConfig, serverConfig } from "../config/server.ts";
import { VARIABLES } from "../config/variables.ts";
import type { Json } from "../lib/json.ts";
import { createCall } from "../rpc/call.ts";
import { type Probe, probe } from "../rpc/probe.ts";
import { installedVersion } from "./binary.ts";
import { addressOf, isBus, untilItAnswers } from "./running.ts";
import { findService } from "./service.ts";

/** Restarts the service. @throws Error with a sentence when there is no service, or the bus does not come back. */
export async function restart(): Promise<Json> {
  const config = installConfig(environment);
  const server = serverConfig({}, {}, settingsFile());
  const service = await findService(config);
  if ("none" in service)
    throw await noService(config, server, `: ${service.none}. Start the bus yourself: agent-event-bus serve`);
  const state = await service.state();
  if (!state.installed && !state.running)
    throw await noService(config, server, ". Install one: agent-event-bus install server");
  if (state.enabled) await service.restart();
  else await service.start();
  const pid = await untilItAnswers(service, server, state.pid);
  const url = addressOf(server);
  return { text: `Restarted: process ${pid} answers at ${url}`, pid, url, version };
}

async function noService(config: InstallConfig, { db }: ServerConfig, reason: string): Promise<Error> {
  const holder = await holderOf(db, config);
  const why =
    holder === undefined
      ? reason
      : `; somebody started it (process ${holder}). Stop that (kill ${holder}), then start it again: agent-event-bus serve`;
  return new Error(`No service runs the bus here${why}`);
}

/** State of the bus that commands of this machine use. Holds `error` if it does not run. */
export async function status(): Promise<Json> {
  const config = installConfig(environment);
  const settings = settingsFile();
  const url = busUrl(undefined, environment);
  const answer = await probe(url, environment[VARIABLES.token.name] || keptToken());
  const running = isBus(answer);
  const client = Boolean(settings[VARIABLES.url.name]);
  const facts = {
    running,
    url,
    version: answer.kind === "bus" ? answer.version : null,
    installed_version: (await installedVersion(config)) ?? null,
    since: answer.kind === "bus" ? new Date(Date.now() - answer.uptimeSeconds * 1000).toISOString() : null,
    sessions: running ? await sessionsAt(url) : null,
    ...(client ? {} : await ofThisMachine(config, serverConfig({}, {}, settings))),
  };
  const problem = problemOf(answer, url);
  return { ...facts, shown: shownOf(facts), ...(problem !== undefined && { error: problem }) };
}

async function ofThisMachine(config: InstallConfig, { db }: ServerConfig) {
  const service = await findService(config);
  const holder = async () => (await holderOf(db, config)) ?? null;
  if ("none" in service) return { pid: await holder(), database: db, service: `none: ${service.none}` };
  const { pid, installed, detail, enabled } = await service.state();
  const login = enabled ? "" : ", not started at login";
  const words = installed ? `${service.name}: ${detail}${login}` : "none";
  return { pid: pid ?? (await holder()), database: db, service: words };
}

async function sessionsAt(url: string): Promise<number | null> {
  const call = createCall({ url, token: clientConfig(environment).token, streams: true });
  const answer = await call("list_sessions", {}, 5_000).catch(() => undefined);
  return Array.isArray(answer?.result) ? answer.result.length : null;
}

function shownOf(facts: Json): Record<string, string> {
  const { running, version: runs, installed_version: installed } = facts;
  const skew = typeof runs === "string" && installed !== null && runs !== installed;
  const rows: [string, unknown][] = [
    ["bus", running ? "runs" : typeof facts.pid === "number" ? "does not answer" : "does not run"],
    ["version", runs === null ? null : `${runs}${skew ? `; ${installed} is installed here` : ""}`],
    ["installed", skew || installed === runs ? null : installed],
    ["process", facts.pid],
    ["since", facts.since],
    ["url", facts.url],
    ["database", facts.database],
    ["service", facts.service],
    ["sessions", facts.sessions],
  ];
  const known = rows.filter(([, value]) => value !== null && value !== undefined);
  return Object.fromEntries(known.map(([name, value]) => [name, String(value)]));
}

function problemOf(answer: Probe, url: string): string | undefined {
  switch (answer.kind) {
    case "nobody":
      return answer.sentence.includes("did not answer")
        ? answer.sentence
        : `The bus does not run. ${answer.sentence}`;
    case "original":
      return `The Python original answers at ${url}. Replace it: agent-event-bus install server`;
    case "foreign":
      return answer.sentence;
    case "stranger":
      return `What answers at ${url} is no agent-event-bus (${answer.found}).`;
    default:
      return undefined;
  }
}
