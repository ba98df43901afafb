import type { InstallConfig } from "../config/client.ts";
import { run } from "./exec.ts";
import { findClaude } from "./registration.ts";

/** Older ones take a hook that waits for one that has to end: no screen, or no prompt answered. */
const FIRST_TO_WAKE = "2.1.69";
/** Older ones do not tell a hook which process they are. */
const FIRST_WITH_PID = "2.1.213";
const LONGEST_MS = 10_000;

/** How the hook that waits is run: not at all, with the client's process named, or by itself; "any" if that is not known. */
export type Waiting = "none" | "named" | "plain" | "any";

/** A version of Claude Code, and what that means for the hook that waits. */
export interface ClaudeVersion {
  /** Undefined if there is no command `claude`, or it does not tell. */
  version?: string;
  waiting: Waiting;
}

/** Asks the command `claude`. */
export async function claudeVersion(config: InstallConfig): Promise<ClaudeVersion> {
  const claude = findClaude(config);
  if (claude === undefined) return { waiting: "any" };
  const ran = await run([claude, "--version"], config, LONGEST_MS).catch(() => undefined);
  const version = /^\d+\.\d+\.\d+/.exec(ran?.stdout.trim() ?? "")?.[0];
  return version === undefined ? { waiting: "any" } : { version, waiting: waitingOf(version) };
}

export function waitingOf(version: string): Waiting {
  if (isNewer(FIRST_TO_WAKE, version)) return "none";
  return isNewer(FIRST_WITH_PID, version) ? "named" : "plain";
}

/** Why sessions of that version are not woken, and what to do. */
export function notWoken(version: string): string {
  return `Claude Code ${version} would hang with the hook that waits, so its sessions are not woken. Update it to ${FIRST_TO_WAKE} or later (claude update)`;
}

/** Whether a version is above another. */
export function isNewer(one: string, other: string): boolean {
  const [a, b] = [one, other].map((text) => text.split(/[.+-]/).map(Number));
  for (const [i, part] of (a ?? []).slice(0, 3).entries()) {
    const against = b?.[i] ?? 0;
    if (part !== against) return part > against;
  }
  return false;
}
