import { join } from "node:path";
import type { InstallConfig } from "../config.ts";
import type { Ledger } from "./ledger.ts";
import type { Step } from "./steps.ts";

/** Where the executable is installed. */
export function programPath({ bin }: InstallConfig): string {
  return join(bin, process.platform === "win32" ? "agent-event-bus.exe" : "agent-event-bus");
}

/** Copies this executable there, and makes the link with the original's name. */
export function binaryStep(_config: InstallConfig, _ledger: Ledger): Step {
  throw new Error("not built");
}

export function removeBinaryStep(_config: InstallConfig, _ledger: Ledger): Step {
  throw new Error("not built");
}

/** What a person can type to have the folder on their PATH; undefined when it is there. */
export function pathHint(_config: InstallConfig): string | undefined {
  throw new Error("not built");
}
