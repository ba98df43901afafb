import type { Desk } from "../lib/command.ts";
import type { Json } from "../lib/json.ts";
import type { Ledger } from "./journal.ts";

/** What one step found, and what it would do about it. `text` names the state that is wanted, not the way there. */
export type Plan =
  | { state: "unchanged"; text: string }
  /** It cannot be done here; the text says what a person can do. */
  | { state: "skipped"; text: string }
  /**
   * `apply` may return a remark for the person. `undo` takes back what is no file of the ledger; it runs when a later step or
   * `apply` itself fails.
   */
  | { state: "planned"; text: string; apply(): Promise<string | undefined>; undo?(): Promise<void> };

/** One part of an installation: all are planned before anything is changed, so that what cannot be done is known by then. */
export interface Step {
  /** A word or two: binary, service, hooks. */
  what: string;
  /** Changes nothing. Throws Error with a sentence when the installation cannot be done. */
  plan(): Promise<Plan>;
}

/** A step as it went. */
export interface Done {
  what: string;
  state: "done" | "unchanged" | "skipped" | "planned" | "failed";
  text: string;
}

interface Going {
  desk: Desk;
  ledger: Ledger;
  dryRun: boolean;
  /** Asked at a terminal before the first change; undefined: nobody is asked. */
  question: string | undefined;
}

type Planned = { what: string; plan: Plan };

/**
 * Plans every step, then does them in their order. Nothing is changed when one cannot be planned (what it throws comes out), with
 * `dryRun`, or when the person says no; when one fails, everything is put back.
 */
export async function carryOut(steps: readonly Step[], going: Going): Promise<Json> {
  const planned: Planned[] = [];
  for (const step of steps) planned.push({ what: step.what, plan: await step.plan() });
  const changes = planned.some(({ plan }) => plan.state === "planned");
  const { desk, question } = going;
  const asks = changes && !going.dryRun && question !== undefined && desk.ask !== undefined;
  if (going.dryRun || asks) {
    const would = planned.map(({ what, plan }) => asDone(what, plan));
    for (const step of would) await desk.tell({ ...step });
    if (!asks) return { steps: would, changed: false };
    if (!(await desk.ask?.(question)))
      return { steps: would, changed: false, next: ["Nothing was changed."] };
  }
  try {
    if (changes) going.ledger.begin();
  } catch (error) {
    throw new Error(sentenceOf(error));
  }
  return apply(planned, going);
}

/** Whether nothing came of it: a step failed, or the person said no. */
export function isOver({ error, next }: Json): boolean {
  return error !== undefined || next !== undefined;
}

async function apply(planned: readonly Planned[], { desk, ledger }: Going): Promise<Json> {
  const steps: Done[] = [];
  const undo: (() => Promise<void>)[] = [];
  const tell = async (step: Done) => {
    steps.push(step);
    await desk.tell({ ...step });
  };
  for (const { what, plan } of planned) {
    if (plan.state !== "planned") {
      await tell(asDone(what, plan));
      continue;
    }
    try {
      if (plan.undo !== undefined) undo.unshift(plan.undo);
      const remark = await plan.apply();
      await tell({ what, state: "done", text: remark === undefined ? plan.text : `${plan.text}. ${remark}` });
    } catch (error) {
      const text = sentenceOf(error);
      await tell({ what, state: "failed", text });
      ledger.undo();
      for (const one of undo) await one().catch(() => {});
      return { steps, changed: false, error: `${what}: ${text} Everything was put back as it was.` };
    }
  }
  ledger.keep();
  return { steps, changed: planned.some(({ plan }) => plan.state === "planned") };
}

function sentenceOf(error: unknown): string {
  const { code, path, dest, message } = error as NodeJS.ErrnoException & { dest?: string };
  const place = dest ?? path;
  const at = place === undefined ? "" : ` (${place})`;
  if (code === "ENOSPC" || code === "EDQUOT") return `The disk is full${at}. Make room, then run this again.`;
  if (code === "EACCES" || code === "EPERM" || code === "EROFS")
    return `Writing is not permitted${at}. Make it writable, then run this again.`;
  return message ?? String(error);
}

function asDone(what: string, { state, text }: Plan): Done {
  return { what, state, text };
}
