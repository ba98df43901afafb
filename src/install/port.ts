import { createServer } from "node:net";
import { holderOf } from "../admin/holder.ts";
import type { InstallConfig } from "../config/client.ts";
import { localUrl } from "../config/parse_settings.ts";
import type { ServerConfig } from "../config/server.ts";
import { type Probe, probe } from "../rpc/probe.ts";
import { typedCommand } from "./binary.ts";
import type { ServiceState } from "./service_types.ts";

/**
 * Checks the port and the database. `state` is what runs the bus now. With `replaces` the service runs another program now.
 * @throws Error with a sentence when the bus cannot listen on its port, or another bus holds its database.
 */
export async function expectFree(
  config: InstallConfig,
  server: ServerConfig,
  state: Pick<ServiceState, "running" | "pid">,
  replaces: boolean,
): Promise<void> {
  const { host, port, db } = server;
  const holder = await holderOf(db, config);
  if (holder !== undefined && holder !== state.pid)
    throw new Error(
      `A bus that no service started uses the database ${db} (process ${holder}). Stop it (${typedCommand(config)} stop), then run this again.`,
    );
  const code = await listenProblem(host, port);
  if (code === undefined) return;
  if (code === "EACCES" || code === "EPERM")
    throw new Error(`Listening on port ${port} is not permitted. Choose a --port above 1023.`);
  if (code !== "EADDRINUSE")
    throw new Error(
      `HOST is ${host}, which is not an address of this machine (${code}). Give another --host.`,
    );
  if (state.running && replaces) return;
  const answer = await probe(localUrl(host, port), undefined);
  // The service itself, also if it hangs. A silent program of others shows when the service starts.
  if (state.running && holder === state.pid && answer.kind !== "stranger") return;
  throw new Error(
    `${occupant(server, answer)} Stop it, or install with another --port: --port ${await freePortAfter(server)}.`,
  );
}

/** Tells which program has the port of the bus. */
export function occupant({ host, port }: ServerConfig, answer: Probe): string {
  const url = localUrl(host, port);
  switch (answer.kind) {
    case "original":
      return `The Python original answers at ${url}, but was not started by its service.`;
    case "bus":
    case "unauthorized":
      return `Another agent-event-bus with its own database answers at ${url}.`;
    case "stranger":
      return `Port ${port} on ${host} is taken by another program (it answers ${answer.found}).`;
    case "foreign":
      return answer.found;
    case "nobody":
      return `Port ${port} on ${host} is taken by another program.`;
  }
}

/** The code of the error on listening there. Undefined if the port is free. */
export function listenProblem(host: string, port: number): Promise<string | undefined> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? "unknown"));
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(undefined)));
  });
}

const MOST_TRIED = 50;
const LAST_PORT = 65_535;
const FIRST_PORT = 1024;

/** A port at which the bus could listen: the next free one after its own. */
export async function freePortAfter({ host, port }: Pick<ServerConfig, "host" | "port">): Promise<number> {
  const start = port < FIRST_PORT ? 8080 : port >= LAST_PORT - MOST_TRIED ? FIRST_PORT : port + 1;
  for (let tried = start; tried < start + MOST_TRIED; tried++)
    if ((await listenProblem(host, tried)) === undefined) return tried;
  return start;
}
