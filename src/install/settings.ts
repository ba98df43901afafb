import type { Ledger } from "./ledger.ts";
import type { Step } from "./steps.ts";

/** Sets (or with null removes) keys of `settings.env`; every other line stays as it is. */
export function settingsStep(_ledger: Ledger, _wanted: Readonly<Record<string, string | null>>): Step {
  throw new Error("not built");
}
