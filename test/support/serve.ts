import { Database } from "bun:sqlite";
import { afterAll, expect } from "bun:test";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { programOf, startHere } from "./bus.ts";

export interface Ended {
  code: number | null;
  stderr: string;
  stdout: string;
  ms: number;
}

export interface ServeOptions {
  folder: string;
  args?: readonly string[];
  env?: Record<string, string>;
  /** Words in front of the program, like `unshare`. */
  inside?: readonly string[];
}

/** Runs `serve` until it ends by itself; after 10 s it is killed and `code` is null. */
export async function serveUntilExit({ folder, args = [], env, inside = [] }: ServeOptions): Promise<Ended> {
  const began = performance.now();
  const child = Bun.spawn([...inside, ...(await programOf("binary")), "serve", ...args], {
    cwd: folder,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    env: {
      PATH: process.env.PATH ?? "",
      HOME: folder,
      AGENT_EVENT_BUS_LOG: join(folder, "bus.log"),
      AGENT_EVENT_BUS_ERR: join(folder, "bus.err"),
      ...env,
    },
  });
  const late = setTimeout(() => child.kill("SIGKILL"), 10_000);
  const [stdout, stderr] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  clearTimeout(late);
  return { code: child.exitCode, stderr, stdout, ms: performance.now() - began };
}

export function sha256(path: string): string {
  if (!existsSync(path)) return "absent";
  if (statSync(path).isDirectory()) return "folder";
  return createHash("sha256").update(readFileSync(path)).digest("hex");
}

/** A process that holds a lock on a database. This one could not: reading the file would drop its locks. */
export interface ForeignLock {
  release(): Promise<void>;
}

export async function lockElsewhere(path: string, sql = "BEGIN IMMEDIATE"): Promise<ForeignLock> {
  const script = `const { Database } = require("bun:sqlite"); const db = new Database(${JSON.stringify(path)});
    db.run("PRAGMA busy_timeout = 5000"); db.run(${JSON.stringify(sql)}); console.log("locked"); setInterval(() => {}, 1000);`;
  const child = Bun.spawn([process.execPath, "-e", script], { stdout: "pipe", stderr: "inherit" });
  afterAll(() => child.kill("SIGKILL"));
  for await (const _ of child.stdout) break;
  return {
    async release() {
      child.kill("SIGKILL");
      await child.exited;
    },
  };
}

/** Names in the folder, without the log and Bun's cache. */
export function filesIn(folder: string): string[] {
  return readdirSync(folder)
    .filter((name) => !name.startsWith("bus.") && !name.startsWith("."))
    .sort();
}

/** Runs SQL on a file, made when it is absent. */
export function sqlite(path: string, sql: string): Database {
  const db = new Database(path, { create: true });
  db.run(sql);
  return db;
}

/** A current database with some hundred pages. */
export async function current(path: string): Promise<void> {
  const bus = await startHere({ folder: join(path, "..") });
  await Promise.all(
    Array.from({ length: 400 }, (_, i) =>
      bus.call("publish_event", { event_type: "t", payload: `${i} `.repeat(500) }),
    ),
  );
  await bus.stop();
}

/** Runs `serve` on the database and checks what every refusal has in common. */
export async function expectRefusal(options: ServeOptions, says: RegExp): Promise<Ended> {
  const path = join(options.folder, "data.db");
  const before = sha256(path);
  const ended = await serveUntilExit({ ...options, args: ["--port", "0", "--db", path] });
  expect(ended.stderr).toMatch(says);
  expect(ended.stderr).toContain(path);
  expect(ended.stderr.trim().split("\n")).toHaveLength(1);
  expect(ended.stdout).toBe("");
  expect(ended.code).toBe(1);
  expect(sha256(path)).toBe(before);
  return ended;
}
