import * as fs from "node:fs";
import { join } from "node:path";
import type { InstallConfig } from "../config/client.ts";
import { quoted } from "../lib/escape.ts";
import { run } from "../lib/exec.ts";
import { holdsText, kindOf, leftBeside, sameBytes } from "../lib/files.ts";
import { isOnPath } from "../lib/shell_path.ts";
import type { Journal } from "./journal.ts";
import { planned, type Step, skipped, step, unchanged } from "./steps.ts";

const NAME = "agent-event-bus";
const PROGRAM = 0o755;
const SMALLEST_BYTES = 20 * 1024 * 1024;
const VERSION_MS = 5_000;

/** @throws Error when sudo runs this in the HOME of another user, who would not own the files. */
export function expectOwnHome({ home, env }: InstallConfig, user = process.getuid?.()): void {
  if (user !== 0 || !env.SUDO_UID) return;
  const owner = fs.statSync(home, { throwIfNoEntry: false })?.uid;
  if (owner !== undefined && owner !== 0)
    throw new Error(`HOME is ${home}, which belongs to another user. Run this as that user, without sudo.`);
}

export function programPath({ bin }: InstallConfig): string {
  return join(bin, process.platform === "win32" ? `${NAME}.exe` : NAME);
}

/** The program as the user can type it. */
export function commandOf(config: InstallConfig): string {
  return isOnPath(config) ? NAME : quoted(programPath(config));
}

/** This program as the user can type it, whether it is installed or not. */
export function typedCommand(config: InstallConfig): string {
  if (fs.existsSync(programPath(config))) return commandOf(config);
  return isCompiled() ? quoted(process.execPath) : "./install.sh && agent-event-bus";
}

/** The words that run this very program. */
export function ownWords(): [string, ...string[]] {
  const [, script = ""] = process.argv;
  return isCompiled() ? [process.execPath] : [process.execPath, script];
}

/** A link beside the executable with the Python original's name. Undefined on Windows, where links need rights. */
function linkPath({ bin }: InstallConfig): string | undefined {
  return process.platform === "win32" ? undefined : join(bin, `${NAME}-cli`);
}

export function isCompiled(): boolean {
  return /\$bunfs|~BUN/.test(import.meta.url);
}

/** @throws Error when this runs from the sources, which cannot be copied. */
export function expectExecutable(): void {
  if (isCompiled()) return;
  throw new Error(
    "This runs from the sources, but only the executable can install itself. Build it with npm run build, then run dist/agent-event-bus install server.",
  );
}

/** True if the installed file is this executable, byte for byte. A link does not count. */
export function isInstalled(config: InstallConfig): boolean {
  const program = programPath(config);
  return kindOf(program) === "file" && sameBytes(process.execPath, program);
}

/** Undefined if no executable is installed, or it does not start. */
export async function installedVersion(config: InstallConfig): Promise<string | undefined> {
  const ran = await run([programPath(config), "--version"], config, VERSION_MS);
  return ran.code === 0 ? ran.stdout.trim() : undefined;
}

export function binaryStep(config: InstallConfig, journal: Journal, isThere: boolean): Step {
  const program = programPath(config);
  const link = linkPath(config);
  return step("binary", async () => {
    const links = link !== undefined && !leadsToProgram(link);
    const text = link === undefined ? program : `${program}, and the link ${NAME}-cli`;
    if (isThere && !links) return unchanged(text);
    for (const path of [program, link ?? program]) {
      expectNoFolder(path);
      journal.check(path, { link: true });
    }
    return planned(text, async () => {
      if (!isThere) {
        const ours = kindOf(program) === "file" && isOurs(program);
        journal.write(program, { copyOf: process.execPath }, { mode: PROGRAM, ours });
      }
      if (links) journal.write(link, { linkTo: NAME });
    });
  });
}

/** Restores the former program, or removes the executable and its link. Files of others stay. */
export function removeBinaryStep(config: InstallConfig, journal: Journal): Step {
  const program = programPath(config);
  const link = linkPath(config);
  return step("binary", async () => {
    // A link that the installer did not make belongs to the user, and so does its target.
    const isThere = kindOf(program) === "file" && (journal.wrote(program) || isOurs(program));
    const left = leftBeside(program);
    const isLinked = link !== undefined && leadsToProgram(link);
    if (!isThere && !isLinked && left.length === 0) return unchanged(`no ${program}`);
    for (const path of [program, link ?? program]) journal.check(path, { link: true });
    if (process.platform === "win32")
      return skipped(`Windows cannot remove a running program. Remove ${program} yourself`);
    return planned(`no ${program}${isLinked ? `, no link ${NAME}-cli` : ""}`, async () => {
      const remark = isLinked ? restoreLink(link, journal) : undefined;
      for (const path of left) fs.rmSync(path, { force: true });
      if (isThere && !journal.restore(program)) journal.remove(program, { ours: true });
      return remark;
    });
  });
}

// The original's command cannot read the database any more, and is not restored.
function restoreLink(link: string, journal: Journal): string | undefined {
  const copy = journal.backupOf(link, { link: true });
  const kept = copy !== undefined && isOriginalCommand(copy);
  if (kept || !journal.restore(link, { link: true })) journal.remove(link, { link: true, ours: true });
  return kept ? `The command of the Python original was kept as ${copy}` : undefined;
}

function isOriginalCommand(path: string): boolean {
  if (kindOf(path) === "link") return fs.readlinkSync(path).endsWith(`/${NAME}-cli`);
  return /agent_event_bus|event_bus\.cli/.test(fs.readFileSync(path, "latin1").slice(0, 10_000));
}

function leadsToProgram(link: string): boolean {
  return kindOf(link) === "link" && fs.readlinkSync(link) === NAME;
}

function expectNoFolder(path: string): void {
  if (fs.statSync(path, { throwIfNoEntry: false })?.isDirectory())
    throw new Error(
      `${path} is a folder, but the executable goes there. Move the folder away, then run this again.`,
    );
}

/** True if a file is an executable of this program, of any version. */
function isOurs(path: string): boolean {
  const found = fs.statSync(path, { throwIfNoEntry: false });
  if (!found?.isFile() || found.size < SMALLEST_BYTES) return false;
  return holdsText(path, "com.evansenter.agent-event-bus");
}
