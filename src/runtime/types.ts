export type Value = string | number | null;
export type Named = Readonly<Record<string, Value>>;
export type Row = Record<string, Value>;

export interface Statement {
  get(params?: Named): Row | undefined;
  all(params?: Named): Row[];
  run(params?: Named): { changes: number; lastInsertRowid: number };
}

/** One SQLite connection. Every call is synchronous. */
export interface Database {
  /** Runs every statement of a text that holds no input. */
  exec(sql: string): void;
  /** Parameters are written `$name` and given by name. */
  prepare(sql: string): Statement;
  close(): void;
  /** Lets the log of writes stay when this is closed. False where the runtime cannot do that. */
  keepLog(): boolean;
}

export interface OpenOptions {
  readonly?: boolean;
}

/** SQLite's primary result code of an error (5 = BUSY, 13 = FULL …); undefined when the error is not SQLite's. */
export type SqliteCode = (error: unknown) => number | undefined;

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
  /** Refuses new connections and resolves when running requests have ended; `force` cuts them. */
  stop(force: boolean): Promise<void>;
}

/** The other end of a connection; IPv4 in its own form. */
export interface Peer {
  address: string;
  port: number;
}

/** The other end of a Unix socket: a program of this machine, like one that connects from loopback. */
export const SOCKET_PEER: Peer = { address: "127.0.0.1", port: 0 };

/** From here on a request's signal aborts when its client goes away; it is aborted when the client is gone already. */
export type WatchClient = (request: Request) => void;

/** Undefined when the runtime does not tell. */
export type PeerOf = (request: Request) => Peer | undefined;
