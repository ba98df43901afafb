import { constants, Database as Sqlite } from "bun:sqlite";
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

export function sqliteCode(error: unknown): number | undefined {
  return error instanceof Error && error.name === "SQLiteError" && "errno" in error
    ? Number(error.errno) & 0xff
    : undefined;
}

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
  const tcp = Bun.serve({
    ...{ ...common, hostname, port, reusePort: false },
    fetch(request, server) {
      (request as BunRequest).server = server;
      return app.fetch(request);
    },
  });
  let socket: Bun.Server<undefined> | undefined;
  return {
    hostname: tcp.hostname ?? hostname,
    port: tcp.port ?? port,
    async addSocket(unix) {
      const fetch = (request: Request, server: Bun.Server<undefined>) => {
        (request as BunRequest).server = server;
        (request as BunRequest).bySocket = true;
        return app.fetch(request);
      };
      // Bun's types lack the idle time of a socket.
      socket = Bun.serve({ ...common, unix, fetch } as unknown as Bun.Serve.Options<undefined>);
    },
    async stop(force) {
      await Promise.all([tcp.stop(force), socket?.stop(force)]);
    },
  };
}

export function peerOf(request: Request): Peer | undefined {
  const { server, bySocket } = request as BunRequest;
  if (bySocket) return SOCKET_PEER;
  const peer = server?.requestIP(request) ?? undefined;
  return peer && { address: peer.address.replace(/^::ffff:(?=\d+\.)/, ""), port: peer.port };
}

/** Does nothing. On Bun a request's signal can still be created later. */
export function watchClient(): void {}

export const adapter = undefined;
