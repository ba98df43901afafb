import { createServer } from "node:net";
import { networkInterfaces } from "node:os";
import type { ServerConfig } from "../config/server.ts";
import { connectionError } from "../runtime/connect.ts";

const CONNECT_MS = 500;
const EVERYWHERE = ["0.0.0.0", "::"];

/**
 * Looks for another program at the bus's address. The Python original takes no lock, so only its port shows that it runs and that its
 * database must not be touched. Does not listen there, because a client that connects meanwhile would be cut off.
 * @throws Error with the system's code when a program answers there, or when the host is not an address of this machine.
 */
export async function expectFree({ host, port }: Pick<ServerConfig, "host" | "port">): Promise<void> {
  await expectOwn(host);
  if (port === 0) return;
  const hosts = EVERYWHERE.includes(host) ? ownAddresses() : [host];
  for (const error of await Promise.all(hosts.map((one) => connectionError(one, port, CONNECT_MS))))
    if (error === undefined)
      throw Object.assign(new Error("a program answers there"), { code: "EADDRINUSE" });
}

/** Listens at a port that nobody knows. */
function expectOwn(host: string): Promise<void> {
  const probe = createServer();
  return new Promise((resolve, reject) => {
    probe.once("error", reject);
    probe.listen({ host, port: 0, exclusive: true }, () => probe.close(() => resolve()));
  });
}

function ownAddresses(): string[] {
  const found = Object.values(networkInterfaces()).flatMap((all) => all ?? []);
  return found.filter(({ scopeid }) => !scopeid).map(({ address }) => address);
}
