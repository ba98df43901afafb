import type { InstallConfig } from "../config/client.ts";
import { allowStep } from "./allow.ts";
import { programPath } from "./binary.ts";
import { hooksStep } from "./hooks.ts";
import type { Journal } from "./journal.ts";
import type { Part } from "./manifest.ts";
import { type Registration, registrationStep } from "./registration.ts";
import { type Plan, planned, type Step, step, unchanged } from "./steps.ts";

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
  const optional = (what: Part, isOut: boolean, { plan }: Step): Step =>
    step(what, async () => {
      const chosen = isOut ? unchanged(`left alone (--no-${what})`) : await plan();
      return recorded(journal, what, isOut, chosen);
    });
  const allow = optional("allow", no_allow, allowStep(config, journal));
  return [
    optional("hooks", no_hooks, hooksStep(config, journal, programPath(config))),
    ...(no_mcp ? [] : [allow]),
    optional("mcp", no_mcp, registrationStep(config, journal, wanted)),
  ];
}

/** The choice is recorded, so that the doctor does not report the part as missing. */
function recorded(journal: Journal, what: Part, isOut: boolean, plan: Plan): Plan {
  const apply = plan.state === "planned" ? plan.apply : undefined;
  if (journal.leftOut(what) === isOut || (!isOut && apply === undefined)) return plan;
  return planned(plan.text, async () => {
    journal.leaveOut(what, isOut);
    return apply?.();
  });
}
