import { afterAll } from "bun:test";
import { connect, createServer, type Socket } from "node:net";
import { freePort } from "./port.ts";

const AGAIN_MS = 50;

/**
 * Stands before a bus, on a port of its own. A connection waits until the bus is there, and ends with the bus's, so that a bus
 * that takes long to start is not looked for in vain.
 */
export async function startPatientRelay(bus: { port: number }): Promise<{ url: string }> {
  const port = await freePort();
  const open = new Set<Socket>();
  const join = (client: Socket): void => {
    let isThere = false;
    const there = connect(bus.port, "127.0.0.1");
    there.once("connect", () => {
      isThere = true;
      client.pipe(there).pipe(client);
      there.once("close", () => client.destroy());
    });
    there.on("error", () => {
      if (!isThere && !client.destroyed) setTimeout(join, AGAIN_MS, client);
    });
    client.once("close", () => there.destroy());
  };
  const server = createServer((client) => {
    open.add(client);
    client.on("error", () => client.destroy());
    client.once("close", () => open.delete(client));
    join(client);
  });
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  afterAll(() => {
    server.close();
    for (const client of open) client.destroy();
  });
  return { url: `http://127.0.0.1:${port}/mcp` };
}
