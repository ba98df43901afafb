import type { Desk } from "../lib/command.ts";
import { fullDisk } from "../lib/full_disk.ts";
import type { Json } from "../lib/json.ts";
import type { Journal } from "./journal.ts";

/** `text` describes the wanted state, not the way there. */
export type Plan =
  | { state: "unchanged" | "skipped"; text: string }
  /** `apply` may return a remark for the user. Every change is made through the journal, which can undo it. */
  | { state: "planned"; text: string; apply: Apply };

type Apply = () => Promise<string | undefined>;

export const unchanged = (text: string): Plan => ({ state: "unchanged", text });

/** Impossible on this machine. The text tells the user how to do it. */
export const skipped = (text: string): Plan => ({ state: "skipped", text });

export const planned = (text: string, apply: Apply): Plan => ({ state: "planned", text, apply });

/** One part of an installation. All steps are planned before the first change, so that obstacles show first. */
export interface Step {
  /** A word or two: binary, service, hooks. */
  what: string;
  /** Changes nothing. @throws Error with a sentence when the installation is impossible. */
  plan(): Promise<Plan>;
}

export const step = (what: string, plan: () => Promise<Plan>): Step => ({ what, plan });

export interface Flags {
  dry_run: boolean;
  /** Do not ask the user before the first change. */
  yes: boolean;
}

interface Going {
  desk: Desk;
  journal: Journal;
  flags: Flags;
  /** Runs after the last step. Returns the lines to show at the end. */
  finish?(changed: boolean): Promise<(string | undefined)[] | undefined>;
}

type Planned = { what: string; plan: Plan };

/**
 * Plans every step, then applies them in order. Changes nothing if a step cannot be planned, with `dry_run`, or if the user
 * says no. Undoes everything if a step fails.
 */
export async function carryOut(steps: readonly Step[], going: Going): Promise<Json> {
  const plans: Planned[] = [];
  for (const { what, plan } of steps) plans.push({ what, plan: await plan() });
  const changed = plans.some(({ plan }) => plan.state === "planned");
  const { desk, journal, flags } = going;
  const asks = changed && !flags.dry_run && !flags.yes && desk.ask !== undefined;
  if (flags.dry_run || asks) {
    const would = plans.map(({ what, plan: { state, text } }) => ({ what, state, text }));
    for (const step of would) await desk.tell({ ...step });
    if (!asks) return { steps: would, changed: false };
    if (!(await desk.ask?.("Do this?")))
      return { steps: would, changed: false, next: ["Nothing was changed."] };
  }
  try {
    if (changed) journal.begin();
  } catch (error) {
    throw new Error(sentenceOf(error));
  }
  const done: Json[] = [];
  for (const one of plans) {
    const step = await resultOf(one);
    done.push(step);
    await desk.tell({ ...step });
    if (step.state !== "failed") continue;
    await journal.undo();
    const error = `${step.what}: ${step.text.replace(/\.?$/, ".")} All changes were undone.`;
    return { steps: done, changed: false, error };
  }
  journal.keep();
  const next = (await going.finish?.(changed))?.filter((line) => line !== undefined);
  return { steps: done, changed, ...(next !== undefined && { next }) };
}

async function resultOf({ what, plan }: Planned) {
  const { state, text } = plan;
  if (state !== "planned") return { what, state, text };
  try {
    const remark = await plan.apply();
    return { what, state: "done", text: remark === undefined ? text : `${text}. ${remark}` };
  } catch (error) {
    return { what, state: "failed", text: sentenceOf(error) };
  }
}

function sentenceOf(error: unknown): string {
  const { code, path, dest, message } = error as NodeJS.ErrnoException & { dest?: string };
  const place = dest ?? path;
  const at = place === undefined ? "" : ` (${place})`;
  const full = fullDisk(error);
  if (full !== null) return full;
  if (code === "EACCES" || code === "EPERM" || code === "EROFS")
    return `Permission denied${at}. Make it writable, then run this again.`;
  return message ?? String(error);
}
