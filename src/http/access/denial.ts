import type { Denial } from "../../operations/outcome.ts";
import type { Refusal } from "./origin.ts";

const STATUS = { busy: 503, scope: 403, rate: 429 } as const;
const LATER = { "retry-after": "1" };
const NO_SCOPE = { "www-authenticate": 'Bearer realm="agent-event-bus", error="insufficient_scope"' };

/** A denial in HTTP's terms. */
export function httpDenial({ kind, reason }: Denial): Refusal {
  return { status: STATUS[kind], reason, headers: kind === "scope" ? NO_SCOPE : LATER };
}
