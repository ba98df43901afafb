import * as fs from "node:fs";
import { join, resolve } from "node:path";
import { quoted } from "../admin/reason.ts";
import type { InstallConfig } from "../config/client.ts";
import { kindOf, leftBeside } from "./files.ts";
import type { Ledger } from "./journal.ts";
import type { Plan, Step } from "./steps.ts";

const NAME = "agent-event-bus";
const PROGRAM = 0o755;
const SMALLEST_BYTES = 20 * 1024 * 1024;

/** Throws Error when sudo runs it in a person's HOME: what is written there would not be theirs. */
export function expectOwnHome({ home, env }: InstallConfig, user = process.getuid?.()): void {
  if (user !== 0 || !env.SUDO_UID) return;
  const owner = fs.statSync(home, { throwIfNoEntry: false })?.uid;
  if (owner !== undefined && owner !== 0)
    throw new Error(`HOME is ${home}, which is another user's. Run this as that user, without sudo.`);
}

/** Where the executable is installed. */
export function programPath({ bin }: InstallConfig): string {
  return join(bin, process.platform === "win32" ? `${NAME}.exe` : NAME);
}

/** The original's name of the command, a link beside the executable; undefined where links need rights. */
export function linkPath({ bin }: InstallConfig): string | undefined {
  return process.platform === "win32" ? undefined : join(bin, `${NAME}-cli`);
}

/** Throws Error unless this program is the compiled executable, which alone can be copied. */
export function expectExecutable(): void {
  if (/\$bunfs|~BUN/.test(import.meta.url)) return;
  throw new Error(
    "This runs from the sources; the executable installs itself. Build it with npm run build, then run dist/agent-event-bus install server.",
  );
}

/** Whether what is installed is this executable, byte for byte; a link to one goes when its target does. */
export function isInstalled(config: InstallConfig): boolean {
  const program = programPath(config);
  return kindOf(program) === "file" && sameBytes(process.execPath, program);
}

/** Copies this executable there, and makes the link with the original's name. Throws Error when this is no executable. */
export function binaryStep(
  config: InstallConfig,
  ledger: Ledger,
  isThere: () => boolean = () => isInstalled(config),
): Step {
  const program = programPath(config);
  const link = linkPath(config);
  return {
    what: "binary",
    async plan(): Promise<Plan> {
      expectExecutable();
      const copies = !isThere();
      const links = link !== undefined && !leadsTo(link, NAME);
      const text = link === undefined ? program : `${program}, and the link ${NAME}-cli`;
      if (!copies && !links) return { state: "unchanged", text };
      for (const path of [program, ...(link === undefined ? [] : [link])]) {
        expectNoFolder(path);
        ledger.check(path, { link: true });
      }
      return {
        state: "planned",
        text,
        async apply() {
          if (copies) {
            const ours = kindOf(program) === "file" && isOurs(program);
            ledger.write(program, { copyOf: process.execPath }, { mode: PROGRAM, ours });
          }
          if (links) ledger.write(link, { linkTo: NAME });
          return undefined;
        },
      };
    },
  };
}

/** Gives back what stood there before; without that, the executable and its link go. What others put there stays. */
export function removeBinaryStep(config: InstallConfig, ledger: Ledger): Step {
  const program = programPath(config);
  const link = linkPath(config);
  return {
    what: "binary",
    async plan(): Promise<Plan> {
      // A link that was not made here, and what it leads to, are the person's own.
      const isThere = kindOf(program) === "file" && (ledger.wrote(program) || isOurs(program));
      const left = leftBeside(program);
      const isLinked = link !== undefined && leadsTo(link, NAME);
      if (!isThere && !isLinked && left.length === 0) return { state: "unchanged", text: `no ${program}` };
      for (const path of [program, ...(link === undefined ? [] : [link])]) ledger.check(path, { link: true });
      if (process.platform === "win32")
        return { state: "skipped", text: `Windows keeps a running program: remove ${program} yourself` };
      return {
        state: "planned",
        text: `no ${program}${isLinked ? `, no link ${NAME}-cli` : ""}`,
        async apply() {
          const kept = isLinked ? giveBackLink(link, ledger) : undefined;
          for (const path of left) fs.rmSync(path, { force: true });
          if (isThere && !ledger.restore(program)) ledger.remove(program, { ours: true });
          return kept;
        },
      };
    },
  };
}

// The original's command is of no use beside a database that was taken over.
function giveBackLink(link: string, ledger: Ledger): string | undefined {
  const copy = ledger.backupOf(link, { link: true });
  if (copy !== undefined && isOriginalCommand(copy)) {
    ledger.remove(link, { link: true, ours: true });
    return `The command of the Python original was kept as ${copy}`;
  }
  if (!ledger.restore(link, { link: true })) ledger.remove(link, { link: true, ours: true });
  return undefined;
}

function isOriginalCommand(path: string): boolean {
  if (kindOf(path) === "link") return fs.readlinkSync(path).endsWith(`/${NAME}-cli`);
  return /agent_event_bus|event_bus\.cli/.test(fs.readFileSync(path, "latin1").slice(0, 10_000));
}

/** What a person can type to have the folder on their PATH; undefined when it is there. */
export function pathHint({ bin, path, shell = "", home }: InstallConfig): string | undefined {
  if (path.some((folder) => resolve(folder) === bin)) return undefined;
  const told = `${bin} is not on your PATH.`;
  const name = shell.slice(shell.lastIndexOf("/") + 1);
  if (name === "fish") return `${told} Run: fish_add_path ${quoted(bin)}`;
  const profile = { zsh: ".zshrc", bash: process.platform === "darwin" ? ".bash_profile" : ".bashrc" }[name];
  const line = bin.startsWith(`${home}/`) ? `$HOME${bin.slice(home.length)}` : bin;
  const run = `echo 'export PATH="${line}:$PATH"' >> ${profile === undefined ? "~/.profile" : `~/${profile}`}`;
  return `${told} Run this, then open a new terminal: ${run}`;
}

function leadsTo(link: string, target: string): boolean {
  return kindOf(link) === "link" && fs.readlinkSync(link) === target;
}

function expectNoFolder(path: string): void {
  if (fs.statSync(path, { throwIfNoEntry: false })?.isDirectory())
    throw new Error(
      `${path} is a folder; the executable goes there. Move the folder away, then run this again.`,
    );
}

/** Whether a file is an executable of this program, of any version. */
export function isOurs(path: string): boolean {
  const found = fs.statSync(path, { throwIfNoEntry: false });
  if (!found?.isFile() || found.size < SMALLEST_BYTES) return false;
  return fs.readFileSync(path).includes("com.evansenter.agent-event-bus");
}

function sameBytes(one: string, other: string): boolean {
  const [first, second] = [one, other].map((path) => fs.statSync(path, { throwIfNoEntry: false }));
  if (!first?.isFile() || !second?.isFile() || first.size !== second.size) return false;
  if (first.ino === second.ino && first.dev === second.dev) return true;
  return fs.readFileSync(one).equals(fs.readFileSync(other));
}
