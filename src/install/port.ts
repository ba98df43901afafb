import { createServer } from "node:net";
import { holderOf } from "../admin/holder.ts";
import { type InstallConfig, localUrl } from "../config/client.ts";
import type { ServerConfig } from "../config/server.ts";
import { type Probe, probe } from "../rpc/probe.ts";
import type { ServiceState } from "./service_types.ts";

interface Wanted {
  config: InstallConfig;
  server: ServerConfig;
  /** The present state of the service. */
  state: ServiceState;
  /** The service runs another program, which will be replaced. */
  replaces: boolean;
}

/** @throws Error with a sentence when the bus cannot listen on its port, or another bus holds its database. */
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
  const answer = await probe(localUrl(host, port), undefined);
  // The service itself, also if it hangs. A silent program of others shows when the service starts.
  if (state.running && holder === state.pid && answer.kind !== "stranger") return;
  throw new Error(
    `${occupant(server, answer)} Stop it, or install with another --port: --port ${port === 65_535 ? port - 1 : port + 1}.`,
  );
}

function occupant({ host, port }: ServerConfig, answer: Probe): string {
  const url = localUrl(host, port);
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

/** The code of the error on listening there. */
function listenProblem(host: string, port: number): Promise<string | undefined> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? "unknown"));
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(undefined)));
  });
}
