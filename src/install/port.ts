import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import type { InstallConfig } from "../config/client.ts";
import type { ServerConfig } from "../config/server.ts";
import { exists } from "../lib/process.ts";
import { type Probe, probe } from "../rpc/probe.ts";
import { run } from "./exec.ts";
import { textOf } from "./files.ts";
import { urlOf } from "./python_original.ts";
import type { ServiceState } from "./service.ts";

interface Wanted {
  config: InstallConfig;
  server: ServerConfig;
  /** The service as it is. */
  state: ServiceState;
  /** It runs another program, which will be replaced. */
  replaces: boolean;
}

/** Throws Error with a sentence when the bus could not listen there, or another one has its database. */
export async function expectFree({ config, server, state, replaces }: Wanted): Promise<void> {
  const { host, port, db } = server;
  const holder = await holderOf(db, config);
  if (holder !== undefined && holder !== state.pid)
    throw new Error(
      `A bus that no service started has the database ${db}: process ${holder}. Stop it (kill ${holder}), then run this again.`,
    );
  const code = await listenProblem(host, port);
  if (code === undefined) return;
  if (code === "EACCES" || code === "EPERM")
    throw new Error(`Listening on port ${port} is not permitted. Choose a --port above 1023.`);
  if (code !== "EADDRINUSE")
    throw new Error(`HOST is ${host}, which is no address of this machine (${code}). Give another --host.`);
  if (state.running && replaces) return;
  const answer = await probe(urlOf({ HOST: host, PORT: String(port) }), undefined);
  // The service itself, also when it hangs; whoever else is silent there shows when it is started.
  if (state.running && holder === state.pid && answer.kind !== "stranger") return;
  throw new Error(
    `${occupant(server, answer)} Stop it, or install with another --port: --port ${port === 65_535 ? port - 1 : port + 1}.`,
  );
}

function occupant({ host, port }: ServerConfig, answer: Probe): string {
  const url = urlOf({ HOST: host, PORT: String(port) });
  switch (answer.kind) {
    case "original":
      return `The Python original answers at ${url}, and no service of its name runs it.`;
    case "bus":
    case "unauthorized":
      return `Another agent-event-bus, with a database of its own, answers at ${url}.`;
    case "stranger":
      return `Port ${port} on ${host} is taken by another program (it answers ${answer.found}).`;
    case "foreign":
      return answer.found;
    case "nobody":
      return `Port ${port} on ${host} is taken by another program.`;
  }
}

/** Why nobody can listen there: an error's code; undefined when the address is free. */
function listenProblem(host: string, port: number): Promise<string | undefined> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? "unknown"));
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(undefined)));
  });
}

/** The process that has a bus's database open; undefined when none has. */
export async function holderOf(db: string, config: InstallConfig): Promise<number | undefined> {
  const pid = Number(textOf(`${db}.pid`) ?? "");
  if (!Number.isSafeInteger(pid) || pid <= 0 || !exists(pid)) return undefined;
  // The file stays when a bus is killed, and its number may be another program's by now.
  return /\bserve\b/.test(await commandOf(pid, config)) ? pid : undefined;
}

async function commandOf(pid: number, config: InstallConfig): Promise<string> {
  try {
    if (process.platform === "linux")
      return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
    return (await run(["ps", "-o", "command=", "-p", String(pid)], config)).stdout;
  } catch {
    return "";
  }
}
