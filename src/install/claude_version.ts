import type { InstallConfig } from "../config/client.ts";
import { run } from "../lib/exec.ts";
import { isNewer } from "../lib/version.ts";
import { findClaude } from "./registration.ts";

/** Older releases hang until the waiting hook ends. */
const FIRST_TO_WAKE = "2.1.69";
/** Older releases do not tell a hook their process id. */
const FIRST_WITH_PID = "2.1.213";
const LONGEST_MS = 10_000;

/** How to run the waiting hook: never, with the client's process id, or without it. */
export type Waiting = "none" | "named" | "plain" | "any";

export interface ClaudeVersion {
  /** Undefined if there is no command `claude`, or it does not tell. */
  version?: string;
  waiting: Waiting;
}

export async function claudeVersion(config: InstallConfig): Promise<ClaudeVersion> {
  const claude = findClaude(config);
  const said = claude && (await run([claude, "--version"], config, LONGEST_MS)).stdout.trim();
  const version = /^\d+\.\d+\.\d+/.exec(said ?? "")?.[0];
  return version === undefined ? { waiting: "any" } : { version, waiting: waitingOf(version) };
}

export function waitingOf(version: string): Waiting {
  if (isNewer(FIRST_TO_WAKE, version)) return "none";
  return isNewer(FIRST_WITH_PID, version) ? "named" : "plain";
}

/** Why sessions of that version are not woken, and the repair. */
export function notWoken(version: string): string {
  return `Claude Code ${version} would hang on the hook that waits, so its sessions are not woken. Update it to ${FIRST_TO_WAKE} or later (claude update)`;
}
