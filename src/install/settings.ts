import { parseSettings, settingsPath } from "../config/client.ts";
import { textOf } from "../lib/files.ts";
import type { Journal } from "./journal.ts";
import { planned, type Step, unchanged } from "./steps.ts";

/** Keys of `settings.env` with their values; null removes a key. */
export type Settings = Readonly<Record<string, string | null>>;

const OWNER_FILE = 0o600;

/** Sets or removes keys of `settings.env`. Every other line stays. */
export function settingsStep(journal: Journal, wanted: Settings): Step {
  return {
    what: "settings",
    async plan() {
      const file = settingsPath();
      const before = textOf(file);
      const after = edited(before ?? "", wanted, file);
      if (after === (before ?? "")) return unchanged(stateOf(before, file));
      journal.check(file);
      return planned(`${wordsOf(wanted)} in ${file}`, async () => {
        if (after === "") journal.remove(file);
        else journal.write(file, after, { mode: OWNER_FILE });
      });
    },
  };
}

/** The text with its keys set. @throws ConfigError for a line, or Error for a value, that cannot be understood. */
export function edited(text: string, wanted: Settings, file: string): string {
  let lines = text.split("\n");
  const known = parseSettings(text, file);
  for (const [key, value] of Object.entries(wanted)) {
    if ((known[key] ?? null) === value) continue;
    const isOfKey = (line: string) => new RegExp(`^\\s*(?:export\\s+)?${key}\\s*=`).test(line);
    // The last line of a key counts.
    const at = lines.findLastIndex(isOfKey);
    if (value === null) lines = lines.filter((line) => !isOfKey(line));
    else if (at !== -1) lines[at] = lineOf(key, value, lines[at]);
    else {
      const last = lines.pop();
      lines.push(...(last ? [last] : []), lineOf(key, value), "");
    }
  }
  return lines.join("\n");
}

function lineOf(key: string, value: string, former = ""): string {
  if (/[\r\n]/.test(value)) throw new Error(`${key} takes one line, not ${JSON.stringify(value)}.`);
  const needsQuotes = value.trim() !== value || /^(["']).*\1$/.test(value);
  const [begin = ""] = /^\s*(?:export\s+)?/.exec(former) ?? [];
  return `${begin}${key}=${needsQuotes ? `"${value}"` : value}${former.endsWith("\r") ? "\r" : ""}`;
}

function wordsOf(wanted: Settings): string {
  const said = Object.entries(wanted).map(([key, value]) => {
    if (value === null) return `no ${key}`;
    return /TOKEN|SECRET/.test(key) ? key : `${key}=${value}`;
  });
  return said.join(", ");
}

function stateOf(text: string | undefined, file: string): string {
  if (text === undefined) return `the usual ones; ${file} would hold others`;
  return `${Object.keys(parseSettings(text, file)).join(", ") || "none"} in ${file}, as they are`;
}
