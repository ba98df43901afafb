import { afterAll } from "bun:test";
import { join } from "node:path";
import { tempFolder } from "./folder.ts";

/** Whether file systems can be mounted here, in a namespace of their own. */
export const canMount =
  Bun.spawnSync(["unshare", "-rm", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]).exitCode === 0;

/** A small file system that only the processes inside it see; it goes away with them. */
export interface Disk {
  folder: string;
  /** Words in front of a program that put it inside. */
  inside: readonly string[];
  /** Runs a shell script inside and returns what it prints. */
  run(script: string): string;
  /** A file of that many bytes, to be removed when space is wanted. */
  fill(name: string, bytes: number): void;
  remove(name: string): void;
  /** What SQLite's own check says of a database on it. */
  integrity(name?: string): string;
}

export function smallDisk(bytes: number): Promise<Disk> {
  const folder = tempFolder();
  return mounted(
    folder,
    "-rm",
    ["-U", "-m", "--preserve-credentials"],
    `mount -t tmpfs -o size=${bytes} tmpfs ${folder}`,
  );
}

/** Whether a small file system can be mounted for a program of another user; root only. */
export const canMountForOthers =
  Bun.spawnSync(["unshare", "-m", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]).exitCode === 0;

/** The same as `smallDisk`, for programs of any user. */
export function smallDiskForOthers(bytes: number): Promise<Disk> {
  const folder = tempFolder();
  return mounted(folder, "-m", ["-m"], `mount -t tmpfs -o size=${bytes} tmpfs ${folder}`);
}

/** Whether file systems can be made that break; root only. */
export const canBreak =
  Bun.spawnSync(["unshare", "-m", "sh", "-c", "losetup -f && command -v mkfs.ext4"]).exitCode === 0;

/** One that the kernel makes read-only as soon as it breaks. */
export async function breakableDisk(): Promise<Disk & { breakDown(): void }> {
  const folder = tempFolder();
  const image = join(tempFolder(), "image");
  const mount = `truncate -s 32M ${image} && mkfs.ext4 -q ${image} && mount -o loop,errors=remount-ro ${image} ${folder}`;
  const disk = await mounted(folder, "-m", ["-m"], mount);
  const device = disk.run(`basename $(findmnt -no SOURCE ${folder})`);
  return Object.assign(disk, {
    breakDown: () => void disk.run(`echo broken > /sys/fs/ext4/${device}/trigger_fs_error`),
  });
}

async function mounted(
  folder: string,
  unshare: string,
  enter: readonly string[],
  mount: string,
): Promise<Disk> {
  const script = `${mount} && echo mounted && exec sleep 600`;
  const holder = Bun.spawn(["unshare", unshare, "sh", "-c", script], { stdout: "pipe", stderr: "inherit" });
  afterAll(() => holder.kill("SIGKILL"));
  for await (const _ of holder.stdout) break;
  const inside = ["nsenter", "-t", String(holder.pid), ...enter];
  function run(...words: string[]): string {
    const { stdout, stderr, exitCode } = Bun.spawnSync([...inside, ...words]);
    if (exitCode !== 0) throw new Error(`${words.join(" ")}: ${stderr}`);
    return stdout.toString().trim();
  }
  return {
    folder,
    inside,
    run: (script) => run("sh", "-c", script),
    fill: (name, size) => void run("dd", "if=/dev/zero", `of=${join(folder, name)}`, `bs=${size}`, "count=1"),
    remove: (name) => void run("rm", join(folder, name)),
    integrity: (name = "data.db") => run(process.execPath, "-e", INTEGRITY, join(folder, name)),
  };
}

const INTEGRITY = `const { Database } = require("bun:sqlite");
  console.log(new Database(process.argv[1], { readonly: true }).query("PRAGMA integrity_check").values().join());`;
