// Finds or fetches a Node 24 for the tests of dist/agent-event-bus.mjs.
import { existsSync } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import { delimiter, join } from "node:path";

const version = "24.21.0";
const cache = join(import.meta.dir, "../node_modules/.cache");

/** Returns the path of a Node that is version 24 or newer. */
export async function node24(): Promise<string> {
  return findNode() ?? (await fetchNode());
}

function findNode(): string | undefined {
  const folders = (process.env.PATH ?? "").split(delimiter);
  return folders
    .map((folder) => Bun.which("node", { PATH: folder }))
    .filter((file) => file !== null)
    .find((file) => majorOf(file) >= 24);
}

/** 0 for a `node` that is Bun under another name, as it is within `bun run`. */
function majorOf(node: string): number {
  const script = "console.log(process.versions.bun ? 0 : process.versions.node)";
  const { stdout } = Bun.spawnSync([node, "-e", script], { stderr: "ignore" });
  return Number.parseInt(stdout.toString(), 10) || 0;
}

async function fetchNode(): Promise<string> {
  const platform = process.platform === "win32" ? "win" : process.platform;
  const name = `node-${platform}-${process.arch}`;
  const folder = join(cache, `node-${version}`);
  const file = join(folder, "node_modules", name, "bin", platform === "win" ? "node.exe" : "node");
  if (existsSync(file)) return file;
  const partial = `${folder}.${process.pid}`;
  await mkdir(partial, { recursive: true });
  await Bun.write(join(partial, "package.json"), "{}\n");
  const add = [process.execPath, "add", "--no-save", "--ignore-scripts", `${name}@${version}`];
  const { success, stderr } = Bun.spawnSync(add, { cwd: partial });
  if (!success) {
    await rm(partial, { recursive: true, force: true });
    throw new Error(`Node ${version} could not be fetched from npm (${name}): ${stderr.toString().trim()}`);
  }
  await keep(partial, folder, async () => existsSync(file));
  return file;
}

/** Moves what was fetched to its place, unless another process was quicker: what is `whole` there is in use. */
export async function keep(partial: string, folder: string, whole: () => Promise<boolean>): Promise<void> {
  try {
    await rename(partial, folder);
  } catch (error) {
    if (await whole()) return await rm(partial, { recursive: true, force: true });
    if (!existsSync(folder)) throw error;
    await rm(folder, { recursive: true, force: true });
    await rename(partial, folder);
  }
}

if (import.meta.main) console.log(await node24());
