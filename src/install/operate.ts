import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
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
import type { ServerConfig } from "../config/server.ts";
import { VARIABLES } from "../config/variables.ts";
import type { Json } from "../lib/json.ts";
import { createCall } from "../rpc/call.ts";
import { type Probe, probe } from "../rpc/probe.ts";
import { programPath } from "./binary.ts";
import { holderOf } from "./port.ts";
import { addressOf, serverOf, untilItAnswers } from "./running.ts";
import { findService } from "./service.ts";

/** Restarts the service. Throws Error with a sentence when there is none, or the bus does not come back. */
export async function restart(): Promise<Json> {
  const config = installConfig(environment);
  const server = serverOf(config, settingsFile());
  const service = await findService(config);
  const state = "none" in service ? undefined : await service.state();
  if ("none" in service || state === undefined || !(state.installed || state.running)) {
    const holder = await holderOf(server.db, config);
    const reason =
      "none" in service
        ? `: ${service.none}. Start the bus yourself: agent-event-bus serve`
        : ". Install one: agent-event-bus install server";
    throw new Error(
      holder === undefined
        ? `No service runs the bus here${reason}`
        : `No service runs the bus here; somebody started it (process ${holder}). Stop that (kill ${holder}), then start it again: agent-event-bus serve`,
    );
  }
  if (state.enabled) await service.restart();
  else await service.start();
  const pid = await untilItAnswers(service, server, state.pid);
  const url = addressOf(server);
  return { text: `Restarted: process ${pid} answers at ${url}`, pid, url, version };
}

/** What is known of the bus that commands of this machine talk to; with `error` when it does not run. */
export async function status(): Promise<Json> {
  const config = installConfig(environment);
  const settings = settingsFile();
  const url = busUrl(undefined, environment);
  const answer = await probe(url, environment[VARIABLES.token.name] || keptToken());
  const running = answer.kind === "bus" || answer.kind === "unauthorized";
  const client = Boolean(settings[VARIABLES.url.name]);
  const facts = {
    running,
    url,
    version: answer.kind === "bus" ? answer.version : null,
    installed_version: installedVersion(config),
    since: answer.kind === "bus" ? new Date(Date.now() - answer.uptimeSeconds * 1000).toISOString() : null,
    sessions: running ? await sessionsAt(url) : null,
    ...(client ? {} : await ofThisMachine(config, serverOf(config, settings))),
  };
  const problem = problemOf(answer, url);
  return { ...facts, shown: shownOf(facts), ...(problem !== undefined && { error: problem }) };
}

async function ofThisMachine(config: InstallConfig, server: ServerConfig) {
  const service = await findService(config);
  const state = "none" in service ? undefined : await service.state();
  return {
    pid: state?.pid ?? (await holderOf(server.db, config)) ?? null,
    database: server.db,
    service:
      "none" in service
        ? `none: ${service.none}`
        : state?.installed
          ? `${service.name}: ${state.detail}${state.enabled ? "" : ", not started at login"}`
          : "none",
  };
}

function installedVersion(config: InstallConfig): string | null {
  const program = programPath(config);
  if (!existsSync(program)) return null;
  const { stdout, status: code } = spawnSync(program, ["--version"], { encoding: "utf8", timeout: 5_000 });
  return code === 0 ? stdout.trim() : null;
}

async function sessionsAt(url: string): Promise<number | null> {
  try {
    const { token } = clientConfig(environment);
    const call = createCall({ url, token, streams: true });
    const { result } = await call("list_sessions", {}, 5_000);
    return Array.isArray(result) ? result.length : null;
  } catch {
    return null;
  }
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
