import type { InstallConfig } from "../config.ts";
import type { Ledger } from "./ledger.ts";
import type { Step } from "./steps.ts";

/** What Claude Code's settings say of our hooks. */
export interface HooksFound {
  file: string;
  /** Why the file cannot be understood. */
  broken?: string;
  /** Why Claude Code itself ignores the file although we can read it, such as comments. */
  ignored?: string;
  /** `Stop: hook wait`, by what is missing, what names another executable, and what is right. */
  missing: string[];
  stale: string[];
  right: string[];
  /** Which setting switches hooks off. */
  disabledBy?: string;
}

/** Compares Claude Code's settings with the table of hooks. */
export function lookAtHooks(_config: InstallConfig, _binary: string): HooksFound {
  throw new Error("not built");
}

export function hooksStep(_config: InstallConfig, _ledger: Ledger, _binary: string): Step {
  throw new Error("not built");
}

export function removeHooksStep(_config: InstallConfig, _ledger: Ledger): Step {
  throw new Error("not built");
}
