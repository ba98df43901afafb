import { statSync } from "node:fs";
import { settingsPath, tokenPath } from "../config/client.ts";
import { parseSettings } from "../config/parse_settings.ts";
import { edited, type Settings } from "../config/settings_text.ts";
import { kindOf, textOf } from "../lib/files.ts";
import type { Journal } from "./journal.ts";
import { planned, type Step, step, unchanged } from "./steps.ts";

const OWNER_FILE = 0o600;

/** Sets or removes keys of `settings.env`. */
export function settingsStep(journal: Journal, wanted: Settings): Step {
  const file = settingsPath();
  return step("settings", async () => {
    const before = textOf(file);
    const after = edited(before ?? "", wanted, file);
    if (after === (before ?? "")) return unchanged(stateOf(before, file));
    journal.check(file);
    return planned(`${wordsOf(wanted)} in ${file}`, async () => {
      if (after === "") journal.remove(file);
      else journal.write(file, after, { mode: OWNER_FILE });
    });
  });
}

function wordsOf(wanted: Settings): string {
  const said = Object.entries(wanted).map(([key, value]) => {
    if (value === null) return `no ${key}`;
    return /TOKEN|SECRET/.test(key) ? key : `${key}=${value}`;
  });
  return said.join(", ");
}

function stateOf(text: string | undefined, file: string): string {
  if (text === undefined) return `defaults (${file} would hold changes)`;
  return `${Object.keys(parseSettings(text, file)).join(", ") || "none"} in ${file}, unchanged`;
}

/** Keeps the token in the data directory, for commands and hooks. */
export function tokenStep(journal: Journal, token: string): Step {
  const file = tokenPath();
  return step("token", async () => {
    const text = `saved in ${file}, readable by you alone`;
    if (textOf(file)?.trim() === token && (statSync(file).mode & 0o077) === 0) return unchanged(text);
    journal.check(file);
    return planned(text, async () => {
      // A former token is not copied to the backups.
      journal.write(file, `${token}\n`, { mode: OWNER_FILE, ours: true });
    });
  });
}

export function removeTokenSteps(journal: Journal): Step[] {
  const file = tokenPath();
  if (kindOf(file) === "none") return [];
  const plan = async () => {
    journal.check(file);
    return planned(`no ${file}`, async () => {
      journal.remove(file, { ours: true });
    });
  };
  return [step("token", plan)];
}
