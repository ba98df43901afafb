import { createServer, type Server } from "node:net";

const FIRST = 12_000;
/** Where the ports begin that the system gives out by itself. */
const END = 32_768;
const BLOCK = 40;
const STEP = 4;

/** The ports that this file may still give out, of a block that it holds. */
let left: number[] = [];
let turn: Promise<unknown> = Promise.resolve();

/**
 * A free port below 32768, and the three ports after it are free too. A test can stop what listens there and start it again:
 * no other file of tests is given one of them, and no connection takes it.
 */
export function freePort(): Promise<number> {
  const port = turn.then(next);
  turn = port.catch(() => {});
  return port;
}

async function next(): Promise<number> {
  const port = left.shift();
  if (port === undefined) {
    left = await holdBlock();
    return next();
  }
  const ports = Array.from({ length: STEP }, (_, i) => port + i);
  return (await Promise.all(ports.map(isFree))).every(Boolean) ? port : next();
}

/** Holds a block by listening at its first port until the file ends. Returns which ports of the block to give out. */
async function holdBlock(): Promise<number[]> {
  const blocks = Math.floor((END - FIRST) / BLOCK);
  const first = FIRST + Math.floor(Math.random() * blocks) * BLOCK;
  const holder = await listen(first);
  if (holder === undefined) return holdBlock();
  holder.unref();
  return Array.from({ length: BLOCK / STEP - 1 }, (_, i) => first + (i + 1) * STEP);
}

async function isFree(port: number): Promise<boolean> {
  const server = await listen(port);
  if (server !== undefined) await new Promise((resolve) => server.close(resolve));
  return server !== undefined;
}

function listen(port: number): Promise<Server | undefined> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once("listening", () => resolve(server)).once("error", () => resolve(undefined));
    server.listen(port, "127.0.0.1");
  });
}
