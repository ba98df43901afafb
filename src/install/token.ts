import { readFileSync, statSync } from "node:fs";
import { tokenPath } from "../config/client.ts";
import { kindOf } from "./files.ts";
import type { Ledger } from "./journal.ts";
import type { Step } from "./steps.ts";

const OWNER_FILE = 0o600;

/** Keeps the token in the data directory, for commands and hooks. */
export function tokenStep(ledger: Ledger, token: string): Step {
  const file = tokenPath();
  return {
    what: "token",
    async plan() {
      const text = `kept in ${file}, for you alone`;
      if (isKept(file, token)) return { state: "unchanged", text };
      ledger.check(file);
      return {
        state: "planned",
        text,
        async apply() {
          // A token that stood there is not copied to the backups.
          ledger.write(file, `${token}\n`, { mode: OWNER_FILE, ours: true });
          return undefined;
        },
      };
    },
  };
}

function isKept(file: string, token: string): boolean {
  if (kindOf(file) === "none") return false;
  return readFileSync(file, "utf8").trim() === token && (statSync(file).mode & 0o077) === 0;
}
