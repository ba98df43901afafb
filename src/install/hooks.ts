import { join } from "node:path";
import type { InstallConfig } from "../config/client.ts";
import { dropAllowed, holdsAllowed } from "./allow.ts";
import { readSettings as read, type SettingsFile, settingsFiles } from "./claude_settings.ts";
import { type ClaudeVersion, claudeVersion, notWoken } from "./claude_version.ts";
import { textOf } from "./files.ts";
import { compare, dropHooks, holdsHooks, putHooks } from "./hook_entries.ts";
import type { Ledger } from "./journal.ts";
import type { JsonText } from "./jsonc.ts";
import type { Step } from "./steps.ts";

/** What Claude Code's settings say of our hooks. */
export interface HooksFound {
  file: string;
  /** Why the file cannot be understood, with the place and what to do. */
  broken?: string;
  /** Why Claude Code itself ignores the file although we can read it, such as comments. */
  ignored?: string;
  /** `Stop: hook wait`, by what is missing, what names another executable, and what is right. */
  missing: string[];
  stale: string[];
  right: string[];
  /** Which setting switches hooks off, and its file. */
  disabledBy?: SettingsFile & { setting: string };
  /** The version of Claude Code if that is too old to be woken. */
  tooOld?: string;
}

/** Compares Claude Code's settings with the table of hooks. */
export function lookAtHooks(
  config: InstallConfig,
  binary: string,
  { version, waiting }: ClaudeVersion = { waiting: "any" },
): HooksFound {
  const file = settingsOf(config);
  const disabledBy = switchedOff(config);
  const nothing = {
    file,
    missing: [],
    stale: [],
    right: [],
    ...(disabledBy !== undefined && { disabledBy }),
    ...(version !== undefined && waiting === "none" && { tooOld: version }),
  };
  try {
    const text = read(file);
    return {
      ...nothing,
      ...compare(text, { binary, waiting }),
      ...(!text.plain && { ignored: notPlain(file) }),
    };
  } catch (error) {
    return { ...nothing, broken: (error as Error).message };
  }
}

/** Puts the table of hooks into Claude Code's settings, for that executable. */
export function hooksStep(config: InstallConfig, ledger: Ledger, binary: string): Step {
  const file = settingsOf(config);
  const changed = (waiting: ClaudeVersion["waiting"]) => {
    const text = read(file);
    putHooks(text, { binary, waiting });
    return text;
  };
  return {
    what: "hooks",
    async plan() {
      const { version, waiting } = await claudeVersion(config);
      const text = changed(waiting);
      const { right } = compare(text, { binary, waiting });
      const old = waiting === "none" ? `. ${notWoken(String(version))}, then run this again` : "";
      const what = `${right.length} hooks of Claude Code, in ${file}${old}`;
      if (text.toString() === textOf(file)) return { state: "unchanged", text: what };
      ledger.check(file);
      return {
        state: "planned",
        text: what,
        async apply() {
          // Read again: Claude Code writes this file too.
          ledger.write(file, changed(waiting).toString());
          return text.plain ? undefined : notPlain(file);
        },
      };
    },
  };
}

/** Gives the settings back as they were; when others have changed them since, takes only our hooks out. */
export function removeHooksStep(config: InstallConfig, ledger: Ledger): Step {
  const file = settingsOf(config);
  return {
    what: "hooks",
    async plan() {
      const text = read(file);
      const before = text.toString();
      dropHooks(text, undefined);
      const ours = (text.toString() !== before || holdsAllowed(file)) && textOf(file) !== undefined;
      if (!ours) return { state: "unchanged", text: `no hooks of ours in ${file}` };
      ledger.check(file);
      return {
        state: "planned",
        text: `no hooks of ours in ${file}`,
        async apply() {
          const former = formerOf(ledger, file);
          // Hooks of ours that stood there before are those of an executable that is gone.
          const clean = former === undefined || !holdsHooks(former);
          if (clean && ledger.restore(file)) return undefined;
          const now = read(file);
          dropHooks(now, clean ? former : undefined);
          dropAllowed(now, former);
          ledger.write(file, now.toString());
          return undefined;
        },
      };
    },
  };
}

function settingsOf({ claude }: InstallConfig): string {
  return join(claude.folder, "settings.json");
}

function formerOf(ledger: Ledger, file: string): JsonText | undefined {
  const copy = ledger.backupOf(file);
  try {
    return copy === undefined ? undefined : read(copy);
  } catch {
    return undefined;
  }
}

function notPlain(file: string): string {
  return `Claude Code ignores all of ${file} as long as it has comments or trailing commas: take them out.`;
}

/** The first setting that keeps the person's hooks from running in this folder. */
function switchedOff(config: InstallConfig): HooksFound["disabledBy"] {
  for (const found of settingsFiles(config))
    for (const setting of ["disableAllHooks", ...(found.managed ? ["allowManagedHooksOnly"] : [])])
      if (found.settings[setting] === true) return { ...found, setting };
  return undefined;
}
