import { constants, Database as Sqlite } from "bun:sqlite";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { Elysia } from "elysia";
import {
  type Database,
  type Listening,
  type ListenOptions,
  type Named,
  type OpenOptions,
  type Peer,
  type Row,
  SOCKET_PEER,
} from "./types.ts";

export function openDatabase(path: string, options: OpenOptions = {}): Database {
  const db = new Sqlite(
    path,
    options.readonly ? { readonly: true, strict: true } : { create: true, readwrite: true, strict: true },
  );
  return {
    exec: (sql) => void db.run(sql),
    prepare(sql) {
      const statement = db.prepare<Row, Named>(sql);
      return {
        get: (params = {}) => statement.get(params) ?? undefined,
        all: (params = {}) => statement.all(params),
        iterate: (params = {}) => statement.iterate(params),
        run(params = {}) {
          const { changes, lastInsertRowid } = statement.run(params);
          return { changes, lastInsertRowid: Number(lastInsertRowid) };
        },
      };
    },
    close: () => db.close(),
    keepLog: () => db.fileControl(constants.SQLITE_FCNTL_PERSIST_WAL, 1) === 0,
  };
}

/** SQLite's primary result code of an error (5 = BUSY, 13 = FULL). Undefined if the error is not SQLite's. */
export function sqliteCode(error: unknown): number | undefined {
  return error instanceof Error && error.name === "SQLiteError" && "errno" in error
    ? Number(error.errno) & 0xff
    : undefined;
}

/** Bun's types lack this method of a server. */
type Closing = Bun.Server<undefined> & { closeIdleConnections(): void };

type BunRequest = Request & { server?: Bun.Server<undefined>; bySocket?: true };

/**
 * Serves an Elysia app. Elysia's own `listen` would share a taken port silently.
 * @throws Error when the address is taken.
 */
export async function listen(app: Elysia, options: ListenOptions): Promise<Listening> {
  const { hostname, port } = options;
  const common = {
    idleTimeout: 30,
    maxRequestBodySize: options.maxBodyBytes,
    error: () => new Response("bad request", { status: 400 }),
  };
  const answering = (bySocket: boolean) => (request: BunRequest, server: Bun.Server<undefined>) => {
    request.server = server;
    if (bySocket) request.bySocket = true;
    return app.fetch(request);
  };
  const tcp = Bun.serve({ ...common, hostname, port, reusePort: false, fetch: answering(false) });
  let socket: Bun.Server<undefined> | undefined;
  return {
    hostname: tcp.hostname ?? hostname,
    port: tcp.port ?? port,
    async addSocket(unix) {
      // Bun's types lack the idle time of a socket.
      socket = Bun.serve({
        ...common,
        unix,
        fetch: answering(true),
      } as unknown as Bun.Serve.Options<undefined>);
    },
    closeIdle() {
      for (const server of [tcp, socket]) (server as Closing | undefined)?.closeIdleConnections();
    },
    async stop(force) {
      await Promise.all([tcp.stop(force), socket?.stop(force)]);
    },
  };
}

/** The client of a request. Undefined if the runtime does not tell. */
export function peerOf(request: Request): Peer | undefined {
  const { server, bySocket } = request as BunRequest;
  if (bySocket) return SOCKET_PEER;
  const peer = server?.requestIP(request) ?? undefined;
  if (peer === undefined) return undefined;
  const { address, port } = peer;
  return {
    address: /^::ffff:\d+\./.test(address) ? address.slice("::ffff:".length) : address,
    port,
    to: server?.port,
  };
}

/**
 * True if the connection ended together with the body. Bun closes it when more bytes follow before the answer, like a second
 * request, and shows that one turn of the event loop later.
 */
export async function isCutOff(request: Request): Promise<boolean> {
  // Hot path: the requests of one turn wait together.
  turn ??= nextTurn().finally(() => {
    turn = undefined;
  });
  await turn;
  return request.signal.aborted;
}

let turn: Promise<void> | undefined;

/** Does nothing. On Bun a request's signal can still be created later. */
export function watchClient(): void {}

export const adapter = undefined;
