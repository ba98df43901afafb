export type Value = string | number | null;
export type Named = Readonly<Record<string, Value>>;
export type Row = Record<string, Value>;

export interface Statement {
  get(params?: Named): Row | undefined;
  all(params?: Named): Row[];
  /** The rows as they are asked for, for more than fit into memory. */
  iterate(params?: Named): Iterable<Row>;
  run(params?: Named): { changes: number; lastInsertRowid: number };
}

/** A SQLite connection. Every call is synchronous. */
export interface Database {
  /** Runs all statements of a text that contains no input. */
  exec(sql: string): void;
  /** Parameters are written `$name`, and passed by name. */
  prepare(sql: string): Statement;
  close(): void;
  /** Keeps the write-ahead log after `close`. False if the runtime cannot do that. */
  keepLog(): boolean;
}

export interface OpenOptions {
  readonly?: boolean;
}

export interface ListenOptions {
  hostname: string;
  port: number;
  maxBodyBytes: number;
}

export interface Listening {
  hostname: string;
  port: number;
  /** Serves the app on a Unix socket too. Rejects if the file exists or the socket cannot be made. */
  addSocket(path: string): Promise<void>;
  /** Closes the connections that wait for no answer. */
  closeIdle(): void;
  /** Refuses new connections and resolves when running requests have ended. `force` cuts them. */
  stop(force: boolean): Promise<void>;
}

/** The other end of a connection. IPv4 addresses have no IPv6 prefix. */
export interface Peer {
  address: string;
  port: number;
  /** The port of this machine that it is connected to. Undefined if that is not known. */
  to?: number | undefined;
}

/** The other end of a Unix socket, which counts as loopback. */
export const SOCKET_PEER: Peer = { address: "127.0.0.1", port: 0 };
