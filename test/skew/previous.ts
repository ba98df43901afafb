// The executable of main before the newest change of behaviour, built from this repository's own history.
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { keep } from "../../build/node24.ts";
import { root } from "../support/bus.ts";

/** The last commit before it. An update of this line is all that the next one needs. */
const COMMIT = "3bd386b02262912102f5bf869694a2b92c14c6f5";

/** Its version: below that of every release, since main keeps one version from release to release. */
export const PREVIOUS_VERSION = `0.0.0-${COMMIT.slice(0, 7)}`;

const folder = join(root, "node_modules/.cache/previous", COMMIT);

/** Why there is no such executable; null when there is one or it can be built. */
export const noPrevious = existsSync(join(folder, "agent-event-bus"))
  ? null
  : git("cat-file", "-e", `${COMMIT}^{commit}`).success
    ? null
    : `this copy of the repository does not hold the commit ${COMMIT}: git fetch --unshallow`;

/** Builds the executable once and keeps it. Returns its path. */
export async function previous(): Promise<string> {
  const program = join(folder, "agent-event-bus");
  if (existsSync(program)) return program;
  // Bun runs no macro of a file in node_modules.
  const sources = mkdtempSync(join(tmpdir(), "aeb-previous-"));
  const partial = `${folder}.${process.pid}`;
  try {
    unpack(sources);
    const built = Bun.spawnSync([process.execPath, "build/binary.ts"], { cwd: sources, stderr: "pipe" });
    if (!built.success) throw new Error(`the previous executable cannot be built: ${built.stderr}`);
    mkdirSync(partial, { recursive: true });
    copyFileSync(join(sources, "dist/agent-event-bus"), join(partial, "agent-event-bus"));
    await keep(partial, folder, async () => existsSync(program));
  } finally {
    rmSync(sources, { recursive: true, force: true });
  }
  return program;
}

function unpack(sources: string): void {
  const archive = git("archive", COMMIT);
  const { success, stderr } = Bun.spawnSync(["tar", "-x"], { cwd: sources, stdin: archive.stdout });
  if (!success) throw new Error(`the previous sources cannot be unpacked: ${stderr}`);
  symlinkSync(join(root, "node_modules"), join(sources, "node_modules"));
  const manifest = join(sources, "package.json");
  const text = readFileSync(manifest, "utf8");
  writeFileSync(manifest, JSON.stringify({ ...JSON.parse(text), version: PREVIOUS_VERSION }));
}

function git(...args: string[]) {
  return Bun.spawnSync(["git", ...args], { cwd: root, stdout: "pipe", stderr: "pipe" });
}
