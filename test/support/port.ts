import { createServer } from "node:net";

/**
 * A free port below 32768, where those begin that the system gives out by itself. A test can stop what listens there and
 * start it again: no connection of another test takes the port meanwhile.
 */
export async function freePort(): Promise<number> {
  const port = 12_000 + Math.floor(Math.random() * 20_000);
  const server = createServer();
  const free = new Promise<boolean>((resolve) => {
    server.once("listening", () => resolve(true)).once("error", () => resolve(false));
  });
  server.listen(port, "127.0.0.1");
  if (!(await free)) return freePort();
  await new Promise((resolve) => server.close(resolve));
  return port;
}
