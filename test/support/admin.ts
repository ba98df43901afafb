import { spawn } from "node:child_process";
import { closeSync, openSync, readFileSync, statSync, writeFileSync, writeSync } from "node:fs";
import { dirname, join } from "node:path";
import { binary } from "./binary.ts";
import { startHere } from "./bus.ts";
import type { CliResult } from "./cli.ts";
import { cli } from "./cli.ts";
import { tempFolder } from "./folder.ts";
import { sqlite } from "./serve.ts";

export const isRoot = process.getuid?.() === 0;

let empty: Promise<Buffer> | undefined;

// The server of this process may keep its file open for a while; a copy of it nobody has open.
async function emptyDatabase(): Promise<Buffer> {
  const bus = await startHere();
  await bus.stop();
  return readFileSync(bus.db);
}

/** A database of the bus with that many events, which no bus has open. */
export async function databaseWith(events: number, folder: string = tempFolder()): Promise<string> {
  const path = join(folder, "data.db");
  empty ??= emptyDatabase();
  writeFileSync(path, await empty, { mode: 0o600 });
  const db = sqlite(
    path,
    `INSERT INTO events (event_type, payload, session_id, timestamp)
     WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${events})
     SELECT 't', i || ' ' || hex(randomblob(500)), 'anonymous', '2026-01-31T08:00:00.000Z' FROM n`,
  );
  db.close(true);
  return path;
}

/** Overwrites pages in the middle of a file. */
export function damage(path: string): void {
  const { size } = statSync(path);
  const file = openSync(path, "r+");
  try {
    for (let at = 3; at < 8; at++)
      writeSync(file, Buffer.alloc(4096, 0x5a), 0, 4096, Math.floor((size / 4096 / 10) * at) * 4096);
  } finally {
    closeSync(file);
  }
}

/** Runs the executable on a database, with a HOME that holds nothing. */
export function onFiles(command: string, ...args: string[]): Promise<CliResult> {
  return cli([...command.split(" "), ...args], { kind: "binary", cwd: dirname(binary) });
}

/** What `sh` prints that runs the executable as `"$0"`, in a mount namespace of its own. */
export function inNamespace(script: string, folder: string): string {
  const ran = Bun.spawnSync(["unshare", "-rm", "sh", "-c", `${script}`, binary], {
    cwd: folder,
    env: { PATH: process.env.PATH ?? "", HOME: join(folder, "no-home") },
    stderr: "pipe",
    timeout: 30_000,
  });
  return `${ran.stdout}${ran.stderr}`;
}

export const canMount =
  Bun.spawnSync(["unshare", "-rm", "sh", "-c", "mount -t tmpfs tmpfs /mnt"]).exitCode === 0;

/** Runs a copy of the executable as a user without rights; its files are where that user can reach them. */
export async function asNobody(
  program: string,
  args: readonly string[],
  home: string,
): Promise<{ code: number; output: string }> {
  const child = spawn(program, args, {
    uid: 65534,
    gid: 65534,
    cwd: "/",
    env: { HOME: home, PATH: process.env.PATH ?? "" },
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (output += chunk));
  const code = await new Promise<number>((resolve) => child.on("close", (code) => resolve(code ?? -1)));
  return { code, output };
}

/** Changes an entry in an index of events, which SQLite's quick_check does not see. */
export function damageIndex(path: string): void {
  const db = sqlite(path, "UPDATE events SET event_type = 'note'");
  db.run("PRAGMA wal_checkpoint(TRUNCATE)");
  const { rootpage } = db
    .query<{ rootpage: number }, []>("SELECT rootpage FROM sqlite_schema WHERE name = 'events_by_type'")
    .get() ?? { rootpage: 0 };
  db.close(true);
  const bytes = readFileSync(path);
  // The only page of a small index.
  bytes.write("nota", bytes.lastIndexOf("note", rootpage * 4096));
  writeFileSync(path, bytes);
}
