import type { InstallConfig } from "../config/client.ts";
import { allowStep } from "./allow.ts";
import { programPath } from "./binary.ts";
import { hooksStep } from "./hooks.ts";
import type { Journal } from "./journal.ts";
import type { Part } from "./manifest.ts";
import { type Registration, registrationStep } from "./registration.ts";
import { type Plan, planned, type Step, unchanged } from "./steps.ts";

/** Parts that the user opts out of. */
export interface Without {
  no_hooks: boolean;
  no_allow: boolean;
  no_mcp: boolean;
}

/** Hooks, permissions and the MCP server in Claude Code. Permissions are of no use without the server. */
export function claudeSteps(
  config: InstallConfig,
  journal: Journal,
  { no_hooks, no_allow, no_mcp }: Without,
  wanted: Registration,
): Step[] {
  const optional = (what: Part, isOut: boolean, { plan }: Step): Step => ({
    what,
    plan: async () => (isOut ? leftAlone(journal, what) : putIn(journal, what, await plan())),
  });
  const allow = optional("allow", no_allow, allowStep(config, journal));
  return [
    optional("hooks", no_hooks, hooksStep(config, journal, programPath(config))),
    ...(no_mcp ? [] : [allow]),
    optional("mcp", no_mcp, registrationStep(config, journal, wanted)),
  ];
}

/** The choice is recorded, so that the doctor does not report the part as missing. */
function leftAlone(journal: Journal, what: Part): Plan {
  const text = `left alone (--no-${what})`;
  if (journal.leftOut(what)) return unchanged(text);
  return planned(text, async () => {
    journal.leaveOut(what, true);
  });
}

function putIn(journal: Journal, what: Part, plan: Plan): Plan {
  if (plan.state !== "planned" || !journal.leftOut(what)) return plan;
  return planned(plan.text, () => {
    journal.leaveOut(what, false);
    return plan.apply();
  });
}
