import type { Json } from "../lib/json.ts";

/** Result of a call. A value may still say `error` where the operation's contract does. */
export type Outcome = { value: Json | Json[] } | { refusal: Refusal };

export type Refusal = Denial | Failure;

/** The caller may not make this call, or not now. Nothing ran. */
export interface Denial {
  kind: "busy" | "scope" | "rate";
  /** A sentence for the caller. */
  reason: string;
}

/** A call that was let in and has no value. `failed`: the handler refused or broke. */
export interface Failure {
  kind: "unknown" | "arguments" | "token_ended" | "failed";
  /** A sentence for the caller. */
  reason: string;
}

export function isDenial(refusal: Refusal): refusal is Denial {
  return ["busy", "scope", "rate"].includes(refusal.kind);
}
