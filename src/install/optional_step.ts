import type { Ledger } from "./journal.ts";
import type { Part } from "./manifest.ts";
import type { Plan, Step } from "./steps.ts";

/** A part that the person may leave out; what was said is written down, so that the doctor does not miss it. */
export function partStep(ledger: Ledger, what: Part, isWanted: boolean, step: Step): Step {
  return {
    what,
    async plan() {
      return isWanted ? takenIn(ledger, what, await step.plan()) : leftAlone(ledger, what);
    },
  };
}

function leftAlone(ledger: Ledger, what: Part): Plan {
  const text = `left alone (--no-${what})`;
  if (ledger.leftOut(what)) return { state: "unchanged", text };
  return {
    state: "planned",
    text,
    async apply() {
      ledger.leaveOut(what, true);
      return undefined;
    },
  };
}

function takenIn(ledger: Ledger, what: Part, plan: Plan): Plan {
  if (plan.state !== "planned" || !ledger.leftOut(what)) return plan;
  return {
    ...plan,
    apply() {
      ledger.leaveOut(what, false);
      return plan.apply();
    },
  };
}
