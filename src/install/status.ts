import { busUrl, clientConfig, environment, keptToken, version } from "../config/client.ts";
import { shownDatabase } from "../config/server.ts";
import { VARIABLES } from "../config/variables.ts";
import { attempt } from "../lib/attempt.ts";
import type { Json } from "../lib/json.ts";
import { isSameUrl } from "../rpc/bus_url.ts";
import { createCall } from "../rpc/call.ts";
import { listenerAt } from "../rpc/listener.ts";
import { type Probe, probe } from "../rpc/probe.ts";
import { installedVersion } from "./binary.ts";
import {
  lookAtOwnBus,
  type OwnBus,
  ownService,
  repairOf,
  revival,
  takenBy,
  urlOfProcess,
} from "./own_bus.ts";
import { isBus, lastError } from "./running.ts";

/** State of the bus that commands of this machine use. Holds `error` if it does not run. */
export async function status(): Promise<Json> {
  const bus = await lookAtOwnBus();
  const url = attempt(() => busUrl(undefined, environment)) ?? bus.remote ?? bus.url;
  const answer = await probe(url, environment[VARIABLES.token.name] || attempt(keptToken));
  const running = isBus(answer);
  const here = bus.remote === undefined && isSameUrl(url, bus.url);
  const installed = await installedVersion(bus.config);
  const facts = {
    running,
    url,
    version: answer.kind === "bus" ? answer.version : null,
    installed_version: installed ?? null,
    since: answer.kind === "bus" ? new Date(Date.now() - answer.uptimeSeconds * 1000).toISOString() : null,
    sessions: running ? await sessionsAt(url) : null,
    search: answer.kind === "bus" ? (answer.search ?? null) : null,
    ...(here ? await ofThisMachine(bus, running) : {}),
  };
  const problem = here ? await problemHere(bus, answer) : problemElsewhere(bus, answer, url);
  const warning = running ? warningOf(bus, here, installed, answer) : undefined;
  return {
    ...facts,
    ...(warning !== undefined && { warning }),
    ...(problem !== undefined && { error: problem }),
  };
}

async function ofThisMachine({ holder, service, noService, server, config }: OwnBus, running: boolean) {
  const words = serviceWords(service, noService);
  const database = shownDatabase(server);
  if (holder.kind !== "none") return { pid: holder.pid ?? null, database, service: words };
  // A bus with another database has the port.
  const other = running ? await listenerAt(server.port, config) : undefined;
  return {
    pid: other?.pid ?? service?.state.pid ?? null,
    database: running ? null : database,
    service: words,
  };
}

function serviceWords(service: OwnBus["service"], noService: string | undefined): string {
  if (service === undefined) return `none: ${noService}`;
  const { it, state, runs } = service;
  if (!state.installed) return "none";
  const login = state.enabled || !state.running ? "" : ", not started at login";
  return `${it.name}: ${runs === undefined ? state.detail : `runs ${runs}`}${login}`;
}

async function sessionsAt(url: string): Promise<number | null> {
  const call = createCall({ url, token: clientConfig(environment).token, streams: true });
  const answer = await call("list_sessions", {}, 5_000).catch(() => undefined);
  return Array.isArray(answer?.result) ? answer.result.length : null;
}

/** Why the bus of this machine does not answer, and the command that helps in this very state. */
async function problemHere(bus: OwnBus, answer: Probe): Promise<string | undefined> {
  const { command, broken, holder, server, service } = bus;
  if (isBus(answer)) return undefined;
  if (broken !== undefined)
    return `The bus does not run. ${broken} ${repairOf(broken)}, then: ${command} start`;
  if (answer.kind !== "nobody") return takenBy(bus, answer);
  if (service?.runs !== undefined)
    return `The bus does not run: ${service.it.name} runs ${service.runs}. To replace it: ${command} install server`;
  if (holder.kind === "other")
    return `The bus runs as another user (process ${holder.pid}) and does not answer. To stop it: sudo kill ${holder.pid}`;
  if (holder.kind === "unproved")
    return `${answer.found} The database ${server.db} is locked by a process that cannot be seen from here, perhaps in a container.`;
  if (holder.kind === "bus") {
    const at = await urlOfProcess(holder.pid, bus);
    if (at === bus.url)
      return `${answer.found} To replace it, which loses no event: ${revival(bus, holder.pid)}`;
    const found = at === undefined ? answer.found : `${answer.found} The bus listens at ${at}.`;
    return `${found} To move it: ${command} restart`;
  }
  const state = ownService(bus)?.state;
  const said = state?.failed || state?.restarting ? lastError(server.log) : undefined;
  const why = said === undefined ? "" : ` Its log says: ${said}`;
  return `The bus does not run. ${answer.found}${why} To start it: ${command} start`;
}

function problemElsewhere({ url: here, remote }: OwnBus, answer: Probe, url: string): string | undefined {
  const variable =
    remote === url
      ? ""
      : ` (${VARIABLES.url.name} of this shell, while the bus of this machine is at ${here})`;
  switch (answer.kind) {
    case "nobody":
      return `The bus at ${url}${variable} does not answer. ${answer.found} On its own machine: agent-event-bus status`;
    case "original":
      return `The Python original answers at ${url}${variable}. On its own machine: agent-event-bus install server`;
    case "foreign":
      return answer.sentence;
    case "stranger":
      return `No bus answers at ${url}${variable} (${answer.found}).`;
    default:
      return undefined;
  }
}

/** A running bus that will not be the same after its next start. */
function warningOf(
  { broken, command }: OwnBus,
  here: boolean,
  installed: string | undefined,
  answer: Probe,
): string | undefined {
  if (here && broken !== undefined)
    return `The bus runs, but could not start again. ${broken} ${repairOf(broken)}`;
  if (!here || answer.kind !== "bus" || answer.version === (installed ?? version)) return undefined;
  return `The bus is ${answer.version}, and ${installed ?? version} is installed. To run that one: ${command} restart`;
}
