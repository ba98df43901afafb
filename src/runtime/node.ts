import type { Server } from "node:http";
import { DatabaseSync } from "node:sqlite";
import { node } from "@elysiajs/node";
import type { Elysia } from "elysia";
import type { Database, Listening, ListenOptions, OpenOptions, Row } from "./types.ts";

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
    app.listen({ hostname: options.hostname, port: options.port, reusePort: false }, (served) => {
      const { raw } = served as unknown as Served;
      const server = raw.node?.server;
      if (server === undefined) return reject(new Error("the Node server did not start"));
      server.once("error", reject);
      const ready = () => {
        const address = server.address();
        const port = typeof address === "object" && address !== null ? address.port : options.port;
        resolve({ hostname: options.hostname, port, stop: (force) => stop(server, force) });
      };
      if (server.listening) ready();
      else server.once("listening", ready);
    });
  });
}

function stop(server: Server, force: boolean): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeIdleConnections();
    if (force) server.closeAllConnections();
  });
}

/** srvx, which `@elysiajs/node` serves with, puts the address on its request. */
export function peerOf(request: Request): string | undefined {
  return (request as Request & { ip?: string }).ip?.replace(/^::ffff:(?=\d+\.)/, "");
}

export const adapter = node();
