import type { IncomingMessage, Server } from "node:http";
import { createServer, type Server as LocalServer, type Socket } from "node:net";
import { DatabaseSync } from "node:sqlite";
import { node } from "@elysiajs/node";
import type { Elysia } from "elysia";
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

/** What `@elysiajs/node` hands to the callback of `listen`. */
interface Served {
  raw: { node?: { server?: Server }; close(force?: boolean): Promise<void> };
}

/** Serves an Elysia app built with `adapter`; rejects when the address is taken. */
export function listen(app: Elysia, options: ListenOptions): Promise<Listening> {
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
      // Some versions drop the headers beyond a number without a word, X-Forwarded-For among them; the head's size bounds it.
      server.maxHeadersCount = 0;
      server.once("error", reject);
      const sockets = new Set<Socket>();
      server.on("connection", (socket) => {
        sockets.add(socket);
        socket.once("close", () => sockets.delete(socket));
      });
      const ready = () => {
        const address = server.address();
        const port = typeof address === "object" && address !== null ? address.port : options.port;
        const local = createServer((socket) => {
          bySocket.add(socket);
          server.emit("connection", socket);
        });
        resolve({
          hostname: options.hostname,
          port,
          addSocket: (path) => listenAt(local, path),
          async stop(force) {
            if (local.listening) local.close();
            await stop(server, sockets, force);
          },
        });
      };
      if (server.listening) ready();
      else server.once("listening", ready);
    });
  });
}

const CHECK_MS = 1_000;
const IDLE_MS = 30_000;
const UNREAD_MS = 20_000;

/**
 * As the other runtime does by itself: a head or a body that does not come, an answer that nobody takes and an idle
 * connection end. Only a call that waits for its answer may be silent for longer.
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
    // Node closes those at once that are idle now: not those whose last answer is under way, nor those that never asked.
    const closing = setInterval(() => server.closeIdleConnections(), 50);
    for (const socket of sockets) if (socket.bytesRead === 0) socket.destroy();
    server.close(() => {
      clearInterval(closing);
      resolve();
    });
    if (force) server.closeAllConnections();
  });
}

/** Connections that came by the Unix socket. */
const bySocket = new WeakSet<Socket>();

function listenAt(local: LocalServer, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    local.once("error", reject);
    local.listen(path, () => resolve());
  });
}

/** srvx, which `@elysiajs/node` serves with, puts Node's own request on its. */
export function peerOf(request: Request): Peer | undefined {
  const { socket } = (request as NodeRequest).runtime?.node?.req ?? {};
  if (socket !== undefined && bySocket.has(socket)) return SOCKET_PEER;
  if (socket?.remoteAddress === undefined || socket.remotePort === undefined) return undefined;
  return { address: socket.remoteAddress.replace(/^::ffff:(?=\d+\.)/, ""), port: socket.remotePort };
}

/** Here a signal that is first asked for after the client left would never abort. */
export function watchClient(request: Request): void {
  void request.signal;
}

type NodeRequest = Request & { runtime?: { node?: { req?: IncomingMessage } } };

export const adapter = node();
