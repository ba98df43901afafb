import { statSync } from "node:fs";
import { tokenPath } from "../config/client.ts";
import { kindOf, textOf } from "../lib/files.ts";
import type { Journal } from "./journal.ts";
import { planned, type Step, unchanged } from "./steps.ts";

const OWNER_FILE = 0o600;

/** Keeps the token in the data directory, for commands and hooks. */
export function tokenStep(journal: Journal, token: string): Step {
  const file = tokenPath();
  return {
    what: "token",
    async plan() {
      const text = `kept in ${file}, for you alone`;
      if (textOf(file)?.trim() === token && (statSync(file).mode & 0o077) === 0) return unchanged(text);
      journal.check(file);
      return planned(text, async () => {
        // A former token is not copied to the backups.
        journal.write(file, `${token}\n`, { mode: OWNER_FILE, ours: true });
      });
    },
  };
}

/** None if no token is kept. */
export function removeTokenSteps(journal: Journal): Step[] {
  const file = tokenPath();
  if (kindOf(file) === "none") return [];
  const remove = async () => {
    journal.check(file);
    return planned(`no ${file}`, async () => {
      journal.remove(file, { ours: true });
    });
  };
  return [{ what: "token", plan: remove }];
}
