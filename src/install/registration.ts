import type { InstallConfig } from "../config.ts";
import type { Ledger } from "./ledger.ts";
import type { Step } from "./steps.ts";

/** The MCP server as Claude Code has it at user scope. */
export interface Registration {
  url: string;
  token: string | undefined;
}

/** Reads Claude Code's own file; undefined when the bus is not registered. Throws Error when it cannot be read. */
export function lookAtRegistration(_config: InstallConfig): Registration | undefined {
  throw new Error("not built");
}

export function registrationStep(_config: InstallConfig, _ledger: Ledger, _wanted: Registration): Step {
  throw new Error("not built");
}

export function removeRegistrationStep(_config: InstallConfig, _ledger: Ledger): Step {
  throw new Error("not built");
}
