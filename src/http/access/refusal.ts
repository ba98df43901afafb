import { visibleLine } from "../../lib/escape.ts";
import type { Denial } from "../../operations/outcome.ts";

/** Why a request is refused, in HTTP's terms. */
export interface Refusal {
  status: number;
  reason: string;
  headers?: Readonly<Record<string, string>>;
}

const STATUS = { busy: 503, scope: 403, rate: 429 } as const;
const LATER = { "retry-after": "1" };
const NO_SCOPE = { "www-authenticate": 'Bearer realm="agent-event-bus", error="insufficient_scope"' };

export function httpDenial({ kind, reason }: Denial): Refusal {
  return { status: STATUS[kind], reason, headers: kind === "scope" ? NO_SCOPE : LATER };
}

/** `who` is an address, or the origin of a known caller. */
export type Report = (who: string, refusal: Refusal) => void;

const QUIET_MS = 60_000;
const MOST_REASONS = 5;
const MOST_KNOWN = 1_000;

/** Logs at most five different refusals of a peer a minute, each once. `now` never jumps (ms). */
export function createReport(now: () => number, warn: (message: string) => void): Report {
  const told = new Map<string, { until: number; reasons: Set<string> }>();
  return (who, { status, reason }) => {
    let known = told.get(who);
    if (known === undefined || now() >= known.until) {
      if (told.size >= MOST_KNOWN) told.clear();
      known = { until: now() + QUIET_MS, reasons: new Set() };
      told.set(who, known);
    }
    if (known.reasons.has(reason) || known.reasons.size === MOST_REASONS) return;
    known.reasons.add(reason);
    warn(`refused ${visibleLine(who, 100)} with ${status}: ${visibleLine(reason, 300)}`);
  };
}
