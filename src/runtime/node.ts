import type { IncomingMessage, Server } from "node:http";
import { createServer, type Socket } from "node:net";
import { DatabaseSync } from "node:sqlite";
import { setImmediate as nextTurn } from "node:timers/promises";
import { node } from "@elysiajs/node";
import type { Elysia } from "elysia";
import { trustSystemStore } from "./connect.ts";
import {
  type Database,
  type Listening,
  type ListenOptions,
  type OpenOptions,
  type Peer,
  type Row,
  SOCKET_PEER,
} from "./types.ts";

export function openDatabase(path: string, options: OpenOptions = {}): Database {
  const db = new DatabaseSync(path, { readOnly: options.readonly ?? false });
  return {
    exec: (sql) => db.exec(sql),
    prepare(sql) {
      const statement = db.prepare(sql);
      return {
        get: (params = {}) => statement.get(params) as Row | undefined,
        all: (params = {}) => statement.all(params) as Row[],
        iterate: (params = {}) => statement.iterate(params) as Iterable<Row>,
        run(params = {}) {
          const { changes, lastInsertRowid } = statement.run(params);
          return { changes: Number(changes), lastInsertRowid: Number(lastInsertRowid) };
        },
      };
    },
    close: () => db.close(),
    keepLog: () => false,
  };
}

export function sqliteCode(error: unknown): number | undefined {
  return error instanceof Error && "errcode" in error ? Number(error.errcode) & 0xff : undefined;
}

/** The argument of the callback of `listen` in `@elysiajs/node`. */
interface Served {
  raw: { node?: { server?: Server }; close(force?: boolean): Promise<void> };
}

/**
 * Serves an Elysia app built with `adapter`.
 * @throws Error when the address is taken.
 */
export function listen(app: Elysia, options: ListenOptions): Promise<Listening> {
  // For webhooks and pushes, which begin after it.
  trustSystemStore();
  return new Promise((resolve, reject) => {
    // Without `gracefulShutdown: false` srvx answers signals itself and cuts every call after 5 s.
    const serve = {
      hostname: options.hostname,
      port: options.port,
      reusePort: false,
      gracefulShutdown: false,
      node: { connectionsCheckingInterval: CHECK_MS },
    };
    app.listen(serve, (served) => {
      const { raw } = served as unknown as Served;
      const server = raw.node?.server;
      if (server === undefined) return reject(new Error("the Node server did not start"));
      cutSlow(server);
      // Some versions drop headers beyond a number, X-Forwarded-For among them. The size of the head is the limit.
      server.maxHeadersCount = 0;
      server.once("error", reject);
      const sockets = new Set<Socket>();
      server.on("connection", (socket) => {
        sockets.add(socket);
        socket.once("close", () => sockets.delete(socket));
      });
      const ready = () => resolve(listeningOn(server, sockets, options));
      if (server.listening) ready();
      else server.once("listening", ready);
    });
  });
}

function listeningOn(server: Server, sockets: ReadonlySet<Socket>, options: ListenOptions): Listening {
  const address = server.address();
  const local = createServer((socket) => {
    bySocket.add(socket);
    server.emit("connection", socket);
  });
  return {
    hostname: options.hostname,
    port: typeof address === "object" && address !== null ? address.port : options.port,
    addSocket: (path) =>
      new Promise((resolve, reject) => {
        local.once("error", reject).listen(path, resolve);
      }),
    closeIdle: () => server.closeIdleConnections(),
    async stop(force) {
      if (local.listening) local.close();
      await stop(server, sockets, force);
    },
  };
}

const CHECK_MS = 1_000;
const IDLE_MS = 30_000;
const UNREAD_MS = 20_000;

/**
 * Sets the time limits that Bun has by itself, for late heads and bodies, unread answers and idle connections. Only a call
 * that waits for its answer may be silent for longer.
 */
function cutSlow(server: Server): void {
  server.headersTimeout = 12_000;
  server.requestTimeout = 32_000;
  server.keepAliveTimeout = IDLE_MS;
  server.timeout = UNREAD_MS;
  const answering = new WeakSet<Socket>();
  server.on("request", ({ socket }, response) => {
    answering.add(socket);
    response.once("close", () => answering.delete(socket));
  });
  server.on("timeout", (socket) => {
    if (socket.writableLength > 0 || !answering.has(socket)) socket.destroy();
  });
}

function stop(server: Server, sockets: ReadonlySet<Socket>, force: boolean): Promise<void> {
  return new Promise((resolve) => {
    // Node closes only connections that are idle now. Others end their last answer, or have never asked.
    const closing = setInterval(() => server.closeIdleConnections(), 50);
    for (const socket of sockets) if (socket.bytesRead === 0) socket.destroy();
    server.close(() => {
      clearInterval(closing);
      resolve();
    });
    if (force) server.closeAllConnections();
  });
}

/** Connections through the Unix socket. */
const bySocket = new WeakSet<Socket>();

/** Looks into Node's own request, which srvx (the server of `@elysiajs/node`) adds to its request. */
export function peerOf(request: Request): Peer | undefined {
  const { socket } = (request as NodeRequest).runtime?.node?.req ?? {};
  if (socket !== undefined && bySocket.has(socket)) return SOCKET_PEER;
  if (socket?.remoteAddress === undefined || socket.remotePort === undefined) return undefined;
  const address = socket.remoteAddress.replace(/^::ffff:(?=\d+\.)/, "");
  return { address, port: socket.remotePort, to: socket.localPort };
}

/**
 * True if the connection ended together with the body. Node closes it when bytes follow that are not a request, and shows that
 * one turn of the event loop later.
 */
export async function isCutOff(request: Request): Promise<boolean> {
  await nextTurn();
  return (request as NodeRequest).runtime?.node?.req?.socket.destroyed === true;
}

/** Creates the signal, which would never abort if it were created after the client left. */
export function watchClient(request: Request): void {
  void request.signal;
}

type NodeRequest = Request & { runtime?: { node?: { req?: IncomingMessage } } };

export const adapter = node();
