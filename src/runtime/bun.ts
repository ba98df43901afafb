import { constants, Database as Sqlite } from "bun:sqlite";
import type { Elysia } from "elysia";
import type { Database, Listening, ListenOptions, Named, OpenOptions, Peer, Row } from "./types.ts";

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

type BunRequest = Request & { server?: Bun.Server<undefined> };

/** Serves an Elysia app; throws when the address is taken. Elysia's own `listen` would share a taken port silently. */
export async function listen(app: Elysia, options: ListenOptions): Promise<Listening> {
  const server = Bun.serve({
    hostname: options.hostname,
    port: options.port,
    reusePort: false,
    idleTimeout: 30,
    maxRequestBodySize: options.maxBodyBytes,
    fetch(request, server) {
      (request as BunRequest).server = server;
      return app.fetch(request);
    },
    error: () => new Response("bad request", { status: 400 }),
  });
  return {
    hostname: server.hostname ?? options.hostname,
    port: server.port ?? options.port,
    stop: (force) => server.stop(force),
  };
}

export function peerOf(request: Request): Peer | undefined {
  const peer = (request as BunRequest).server?.requestIP(request) ?? undefined;
  return peer && { address: peer.address.replace(/^::ffff:(?=\d+\.)/, ""), port: peer.port };
}

/** A signal is dear, and few requests need one: this one can still be asked for later. */
export function watchClient(): void {}

export const adapter = undefined;
