import { busOf } from "../admin/holder.ts";
import { environment, version } from "../config/client.ts";
import { VARIABLES } from "../config/variables.ts";
import type { Json } from "../lib/json.ts";
import { realOf } from "../lib/permissions.ts";
import { within } from "../lib/within.ts";
import { probe } from "../rpc/probe.ts";
import { plainEnvironment, startInBackground } from "./background.ts";
import { ownWords } from "./binary.ts";
import { endBus, isGone } from "./end.ts";
import {
  expectOwnHolder,
  expectServer,
  expectSettings,
  lookAtOwnBus,
  type OwnBus,
  otherPort,
  ownService,
  revival,
  takenBy,
  urlOfProcess,
} from "./own_bus.ts";
import { listenProblem, occupant } from "./port.ts";
import { isBus, untilItAnswers } from "./running.ts";

const LISTENS_MS = 5_000;

/** Starts the bus: its service if one is installed, or else a process in the background. @throws Error with a sentence. */
export async function start(): Promise<Json> {
  const bus = await lookAtOwnBus();
  expectServer(bus, "start");
  const { holder } = bus;
  if (holder.kind === "bus") return alreadyRuns(bus, holder.pid);
  expectOwnHolder(bus);
  expectSettings(bus, "start");
  return { ...(await begin(bus, "The bus runs")), already: false, ...warningOf() };
}

/** Starts a bus that does not run. */
async function begin(bus: OwnBus, said: string): Promise<Json> {
  await expectFreePort(bus);
  expectNoOriginal(bus);
  const { server, command } = bus;
  const service = ownService(bus);
  if (service !== undefined) {
    await service.it.start();
    const pid = await untilItAnswers(service.it, server, service.state.pid);
    return { text: `${said}: process ${pid} answers at ${bus.url}`, pid, url: bus.url, version };
  }
  const { pid, url, log } = await startInBackground({
    ...{ program: ownWords(), flags: [], env: plainEnvironment(environment) },
    ...{ err: server.err, folder: bus.config.data },
  });
  const text = `${said} in the background: process ${pid} answers at ${url}`;
  return { text, pid, url, version, log, stop: `${command} stop` };
}

async function alreadyRuns(bus: OwnBus, pid: number): Promise<Json> {
  const { server } = bus;
  let url: string | undefined;
  await within(LISTENS_MS, async () => {
    url = await urlOfProcess(pid, bus);
    return url !== undefined;
  });
  // Not every system tells where a process listens.
  const at = url ?? bus.url;
  if (!isBus(await probe(at, undefined)))
    throw new Error(
      `Process ${pid} has the database ${server.db} and does not answer at ${at}. To replace it, which loses no event: ${revival(bus, pid)}`,
    );
  const warning = url === undefined || url === bus.url ? warningOf() : { warning: elsewhere(bus, url) };
  return {
    text: `The bus runs already: process ${pid} answers at ${at}`,
    pid,
    url: at,
    already: true,
    ...warning,
  };
}

/** The bus listens elsewhere than its settings say. */
function elsewhere({ url, command }: OwnBus, at: string): string {
  return `Commands and hooks ask ${url}, as settings.env says, and the bus listens at ${at}. To move it there: ${command} restart`;
}

/** Variables of this shell that a service would not see either. */
function warningOf(): { warning?: string } {
  const { host, port, db } = VARIABLES;
  const set = [host, port, db].map(({ name }) => name).filter((name) => environment[name]);
  if (set.length === 0) return {};
  const names = set.join(" and ");
  return {
    warning: `${names} of this shell ${set.length === 1 ? "does" : "do"} not count here: the bus goes by settings.env. To use ${set.length === 1 ? "it" : "them"} once: agent-event-bus serve --detach`,
  };
}

/** Stops the bus until it is started again, or until the next login. @throws Error with a sentence when it goes on. */
export async function stop({ db }: { db?: string | undefined }): Promise<Json> {
  const bus = await lookAtOwnBus(db);
  const usual = db === undefined || realOf(bus.server.db) === realOf((await lookAtOwnBus()).server.db);
  const service = usual ? ownService(bus) : undefined;
  const { holder } = bus;
  const ofService = service !== undefined && (service.state.running || service.state.restarting);
  if (ofService) {
    await service.it.stop();
    if (holder.kind === "bus" && holder.pid === service.state.pid) await isGone(holder);
  }
  const left = ofService ? { ...bus, holder: await busOf(bus.server.db, bus.config) } : bus;
  expectOwnHolder(left);
  if (left.holder.kind === "bus") await endBus(left.holder);
  const pid = left.holder.kind === "bus" ? left.holder.pid : service?.state.pid;
  const stopped = ofService || left.holder.kind === "bus";
  const text = stopped ? stoppedText(bus, pid, ofService, db) : await notRunningText(bus);
  return { stopped, pid: stopped ? (pid ?? null) : null, text };
}

function stoppedText(
  { command, service }: OwnBus,
  pid: number | undefined,
  ofService: boolean,
  db?: string,
): string {
  const ended = pid === undefined ? "Stopped." : `Stopped: process ${pid} has ended.`;
  if (db !== undefined && !ofService) return ended;
  const login =
    ofService && service?.state.enabled === true
      ? " It starts again at your next login, or with:"
      : " To start it again:";
  return `${ended}${login} ${command} start`;
}

async function notRunningText(bus: OwnBus): Promise<string> {
  const { remote, url } = bus;
  if (remote !== undefined)
    return `No bus runs here. This machine uses the bus at ${remote}, which is stopped on its own machine.`;
  const answer = await probe(url, undefined);
  if (answer.kind === "nobody") return "The bus does not run.";
  return `The bus does not run. ${occupant(bus.server, answer)}`;
}

/** Ends the bus, and starts it again by its service or in the background. @throws Error with a sentence. */
export async function restart(): Promise<Json> {
  const bus = await lookAtOwnBus();
  expectServer(bus, "restart");
  expectSettings(bus, "restart");
  const { holder, server } = bus;
  expectOwnHolder(bus);
  expectNoOriginal(bus);
  const service = ownService(bus);
  const said = holder.kind === "bus" ? "Restarted" : "The bus runs";
  if (service?.state.running && (holder.kind === "none" || holder.pid === service.state.pid)) {
    await service.it.restart();
    const pid = await untilItAnswers(service.it, server, service.state.pid);
    return { text: `Restarted: process ${pid} answers at ${bus.url}`, pid, url: bus.url, version };
  }
  if (holder.kind === "bus") await endBus(holder, `${bus.command} start`);
  return { ...(await begin({ ...bus, holder: { kind: "none" } }, said)), ...warningOf() };
}

/** @throws Error when the bus cannot listen where its settings say. */
async function expectFreePort(bus: OwnBus): Promise<void> {
  const { server, command } = bus;
  if (ownService(bus)?.state.running) return;
  const code = await listenProblem(server.host, server.port);
  if (code === undefined) return;
  if (code === "EADDRINUSE") throw new Error(await takenBy(bus, await probe(bus.url, undefined)));
  if (code === "EACCES" || code === "EPERM")
    throw new Error(
      `Listening on port ${server.port} is not permitted. To take another one: ${await otherPort(bus)}`,
    );
  throw new Error(
    `HOST is ${server.host}, which is not an address of this machine (${code}). To listen on this machine only: ${command} install server --host 127.0.0.1`,
  );
}

/** @throws Error when the service of the bus's name runs another program. */
function expectNoOriginal({ service, command }: OwnBus): void {
  if (service?.runs === undefined) return;
  throw new Error(
    `${service.it.name} runs ${service.runs}, not this program. To replace it: ${command} install server`,
  );
}
