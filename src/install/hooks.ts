import { join } from "node:path";
import type { InstallConfig } from "../config.ts";
import { textOf } from "./files.ts";
import { compare, dropHooks, holdsHooks, putHooks } from "./hook_entries.ts";
import { JsonText, propertyOf } from "./jsonc.ts";
import type { Ledger } from "./ledger.ts";
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
  disabledBy?: string;
}

/** Compares Claude Code's settings with the table of hooks. */
export function lookAtHooks(config: InstallConfig, binary: string): HooksFound {
  const file = settingsOf(config);
  const disabledBy = switchedOff(config);
  const nothing = {
    file,
    missing: [],
    stale: [],
    right: [],
    ...(disabledBy !== undefined && { disabledBy }),
  };
  try {
    const text = read(file);
    return { ...nothing, ...compare(text, binary), ...(!text.plain && { ignored: notPlain(file) }) };
  } catch (error) {
    return { ...nothing, broken: (error as Error).message };
  }
}

/** Puts the table of hooks into Claude Code's settings, for that executable. */
export function hooksStep(config: InstallConfig, ledger: Ledger, binary: string): Step {
  const file = settingsOf(config);
  const changed = () => {
    const text = read(file);
    putHooks(text, binary);
    return text;
  };
  return {
    what: "hooks",
    async plan() {
      const text = changed();
      const { right } = compare(text, binary);
      const what = `${right.length} hooks of Claude Code, in ${file}`;
      if (text.toString() === textOf(file)) return { state: "unchanged", text: what };
      ledger.check(file);
      return {
        state: "planned",
        text: what,
        async apply() {
          // Read again: Claude Code writes this file too.
          ledger.write(file, changed().toString());
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
      const ours = text.toString() !== before && textOf(file) !== undefined;
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

/** Throws Error with a sentence. */
function read(file: string): JsonText {
  let text: string | undefined;
  try {
    text = textOf(file);
  } catch (error) {
    throw new Error(`${file} cannot be read: ${(error as Error).message}.`);
  }
  if (text?.includes("\ufffd")) throw new Error(`${file} is not UTF-8. Save it as UTF-8 first.`);
  return new JsonText(text ?? "", file);
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

/** The first setting that keeps the person's hooks from running. */
function switchedOff(config: InstallConfig): string | undefined {
  const { managed } = config.claude;
  for (const file of [settingsOf(config), ...managed])
    for (const name of ["disableAllHooks", ...(managed.includes(file) ? ["allowManagedHooksOnly"] : [])])
      if (isTrue(file, name)) return `${name} in ${file}`;
  return undefined;
}

function isTrue(file: string, name: string): boolean {
  try {
    return propertyOf(read(file).root, name)?.value === true;
  } catch {
    return false;
  }
}
