import type { InstallConfig } from "../config/client.ts";
import { attempt } from "../lib/attempt.ts";
import { dropAllowed, holdsAllowed } from "./allow.ts";
import {
  notPlain,
  planEdit,
  readSettings,
  type SettingsFile,
  settingsFiles,
  userSettings,
} from "./claude_settings.ts";
import { type ClaudeVersion, claudeVersion, notWoken } from "./claude_version.ts";
import { type Compared, compare, dropHooks, holdsHooks, linesFor, putHooks } from "./hook_entries.ts";
import type { Journal } from "./journal.ts";
import { planned, type Step, step, unchanged } from "./steps.ts";

/** State of our hooks in Claude Code's settings. */
export interface HooksFound extends Compared {
  file: string;
  /** Why the file cannot be understood, with the place and the repair. */
  broken?: string | undefined;
  /** Why Claude Code ignores the file, such as comments. */
  ignored?: string | undefined;
  /** The setting that switches hooks off, and its file. */
  disabledBy?: (SettingsFile & { setting: string }) | undefined;
  /** The version of Claude Code, if too old to be woken. */
  tooOld?: string | undefined;
}

export function lookAtHooks(
  config: InstallConfig,
  binary: string,
  { version, waiting }: ClaudeVersion = { waiting: "any" },
): HooksFound {
  const file = userSettings(config);
  const found: HooksFound = {
    ...{ file, missing: [], stale: [], right: [] },
    disabledBy: switchedOff(config),
    tooOld: waiting === "none" ? version : undefined,
  };
  try {
    const text = readSettings(file);
    return { ...found, ...compare(text, { binary, waiting }), ignored: notPlain(text, file) };
  } catch (error) {
    return { ...found, broken: (error as Error).message };
  }
}

/** Puts the table of hooks into Claude Code's settings, for that executable. */
export function hooksStep(
  config: InstallConfig,
  journal: Journal,
  binary: string,
  ask = () => claudeVersion(config),
): Step {
  const file = userSettings(config);
  return step("hooks", async () => {
    const { version, waiting } = await ask();
    const old = waiting === "none" ? `. ${notWoken(String(version))}, then run this again` : "";
    return planEdit(journal, file, {
      text: `${linesFor(waiting).length} hooks of Claude Code, in ${file}${old}`,
      change: (text) => putHooks(text, { binary, waiting }),
      remark: (text) => notPlain(text, file),
    });
  });
}

/**
 * Restores the former settings. Takes only our entries out if others have changed the file since. With `keepAllowed` the
 * permissions stay.
 */
export function removeHooksStep(config: InstallConfig, journal: Journal, keepAllowed = false): Step {
  const file = userSettings(config);
  return step("hooks", async () => {
    const settings = readSettings(file);
    const text = `no hooks of ours in ${file}`;
    const allowed = holdsAllowed(settings);
    if (!holdsHooks(settings) && (keepAllowed || !allowed)) return unchanged(text);
    journal.check(file);
    return planned(text, async () => {
      const copy = journal.backupOf(file);
      const former = copy === undefined ? undefined : attempt(() => readSettings(copy));
      // Hooks of ours in the former settings name an executable that is gone.
      const clean = former === undefined || !holdsHooks(former);
      const stays = keepAllowed && allowed;
      if (clean && !stays && journal.restore(file)) return;
      const now = readSettings(file);
      dropHooks(now, clean ? former : undefined);
      if (!keepAllowed) dropAllowed(now, former);
      journal.write(file, now.toString());
    });
  });
}

/** The first setting that switches the user's hooks off in this folder. */
function switchedOff(config: InstallConfig): HooksFound["disabledBy"] {
  for (const found of settingsFiles(config))
    for (const setting of ["disableAllHooks", ...(found.managed ? ["allowManagedHooksOnly"] : [])])
      if (found.settings[setting] === true) return { ...found, setting };
  return undefined;
}
