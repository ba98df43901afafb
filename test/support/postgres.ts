// A PostgreSQL of its own for a test: Debian's programs, a folder below the temporary one, and loopback.
import {
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "../../src/postgres/connection.ts";
import { tempFolder } from "./folder.ts";
import { eventually } from "./webhook.ts";

const VERSIONS = "/usr/lib/postgresql";
const USER = "postgres";
const isForAll = process.env.AEB_TEST_ENGINE === "postgres";
const STARTED_MS = 30_000;

/** A user who needs a password, once a test has made one: any other comes in without. */
export const GUARDED = "guarded";

function programs(): string | undefined {
  if (!existsSync(VERSIONS)) return undefined;
  const newest = readdirSync(VERSIONS).sort((a, b) => Number(b) - Number(a))[0];
  const folder = join(VERSIONS, String(newest), "bin");
  return existsSync(join(folder, "initdb")) ? folder : undefined;
}

const bin = programs();

/** Why there is no PostgreSQL here. Null if there is one. */
export const noPostgres = bin === undefined ? "no postgres (apt-get install postgresql)" : null;
if (noPostgres !== null) console.log(`NOT TESTED: PostgreSQL, ${noPostgres}`);

const ENTRIES = [
  `host all ${GUARDED} all scram-sha-256`,
  "local all all trust",
  "host all all all trust",
  "host replication all all trust",
];

const replicaOf = ({ port }: { port: number }) =>
  `postgres://bus@127.0.0.1:${port}/postgres?application_name=replica`;

export interface Server {
  port: number;
  /** Of the user that it runs as. */
  folder: string;
  /** Makes an empty database, and returns its URL. */
  database(): Promise<string>;
  /** Ends it without a warning, as a power failure would. SIGQUIT: as `pg_ctl stop -m immediate` does. */
  kill(signal?: "SIGKILL" | "SIGQUIT"): Promise<void>;
  start(): Promise<void>;
  /** Makes the primary server of a replica. */
  promote(): Promise<void>;
}

export interface ServerOptions {
  port: number;
  /** Like `fsync=on`, which costs a test more than it tells. */
  settings?: readonly string[];
  /** Words in front of its programs, like `nsenter …`. */
  inside?: readonly string[];
  /** The folder of its write-ahead log, if that is elsewhere. In small files. */
  log?: string;
  /** Begins as a replica of this server, under the name `replica`. */
  of?: Pick<Server, "port">;
}

export function startPostgres(port: number, ...settings: string[]): Promise<Server> {
  return startServer({ port, settings });
}

export async function startServer(options: ServerOptions): Promise<Server> {
  const { port, settings = [], inside = [], log, of } = options;
  // One that serves every file outlives their folders.
  const folder = isForAll ? mkdtempSync(join(tmpdir(), "aeb-test-postgres-")) : tempFolder(true);
  const data = join(folder, "data");
  mkdirSync(data, { mode: 0o700 });
  // It refuses to run as root.
  const isRoot = process.getuid?.() === 0;
  const as = isRoot ? ["setpriv", `--reuid=${USER}`, `--regid=${USER}`, "--clear-groups"] : [];
  if (isRoot) {
    const { stdout } = Bun.spawnSync(["id", "-u", USER]);
    for (const path of [folder, data]) chownSync(path, Number(stdout.toString()), -1);
  }
  const run = (name: string, ...args: string[]) => [...inside, ...as, join(String(bin), name), ...args];
  const elsewhere = log === undefined ? [] : ["--waldir", log, "--wal-segsize", "1"];
  const make =
    of === undefined
      ? run("initdb", "-D", data, "-U", "bus", "--auth=trust", "-E", "UTF8", "--no-sync", ...elsewhere)
      : run("pg_basebackup", "-D", data, "-R", "-c", "fast", "--no-sync", "-d", replicaOf(of));
  const made = Bun.spawnSync(make, { cwd: folder });
  if (!made.success) throw new Error(`${make.join(" ")}: ${made.stderr}`);
  writeFileSync(join(data, "pg_hba.conf"), `${ENTRIES.join("\n")}\n`);
  const server = `postgres://bus@127.0.0.1:${port}`;
  const chosen = [`port=${port}`, "listen_addresses=127.0.0.1", "fsync=off", ...settings];
  let child: Bun.Subprocess;
  const given = chosen.flatMap((option) => ["-c", option]);
  const spawn = () =>
    Bun.spawn(run("postgres", "-D", data, "-k", folder, ...given), {
      cwd: folder,
      stdio: ["ignore", "ignore", "ignore"],
    });
  const start = async () => {
    child = spawn();
    const isThere = async () => {
      // One whose predecessor was killed refuses to start until the last of its processes is gone.
      if (child.exitCode !== null) child = spawn();
      return answers(`${server}/postgres`);
    };
    await eventually("PostgreSQL answers", isThere, STARTED_MS);
  };
  await start();
  // Ends with the input of this process, so that one which is killed leaves nothing behind either.
  const stop = run("pg_ctl", "stop", "-m", "immediate", "-D", data);
  const tidy = ["sh", "-c", 'cat; "$@"; rm -rf "$0"', folder, ...stop];
  Bun.spawn(tidy, { cwd: "/", stdin: "pipe", stdout: "ignore", stderr: "ignore" }).unref();
  let count = 0;
  return {
    ...{ port, folder },
    start,
    promote: () => onServer(`${server}/postgres`, "SELECT pg_promote()"),
    async database() {
      const name = `bus_${++count}`;
      await onServer(`${server}/postgres`, `CREATE DATABASE ${name}`);
      return `${server}/${name}`;
    },
    async kill(signal = "SIGKILL") {
      const parts = childrenOf(child.pid);
      child.kill(signal);
      await child.exited;
      // A connection may commit once more before its process sees that the server is gone.
      await eventually("PostgreSQL has ended", () => parts.every((pid) => parentOf(pid) === undefined));
    },
  };
}

/** The parent of a process. Undefined if the process has ended. */
function parentOf(pid: string): number | undefined {
  try {
    const [, state = "", parent] = /.*\) (\S) (\d+) /s.exec(readFileSync(`/proc/${pid}/stat`, "utf8")) ?? [];
    return state === "Z" ? undefined : Number(parent);
  } catch {
    return undefined;
  }
}

const childrenOf = (pid: number) =>
  readdirSync("/proc").filter((name) => /^\d+$/.test(name) && parentOf(name) === pid);

/** Runs statements on a database. */
export async function onServer(url: string, text: string): Promise<void> {
  const pool = connect(url);
  try {
    await pool.run({ text, names: [] });
  } finally {
    await pool.close();
  }
}

async function answers(url: string): Promise<boolean> {
  return onServer(url, "SELECT 1").then(
    () => true,
    () => false,
  );
}

/** The rows that a statement returns, by PostgreSQL's own client. `params` stand for `?`. */
export function selectedBy(url: string, sql: string, params: readonly (string | number)[]): unknown[] {
  let count = 0;
  const quoted = sql.replaceAll("?", () => `'${String(params[count++]).replaceAll("'", "''")}'`);
  const text = `WITH found AS (${quoted}) SELECT coalesce(json_agg(found), '[]') FROM found`;
  const { stdout, stderr, success } = Bun.spawnSync([join(String(bin), "psql"), url, "-qtAc", text]);
  if (!success) throw new Error(`psql: ${stderr}`);
  return JSON.parse(stdout.toString());
}
