import type { Database } from "../runtime/runtime.ts";
import type { Writer } from "./group_commit.ts";

/** The parts that every table works with. */
export interface Parts {
  db: Database;
  writer: Writer;
  /** Wall clock (ms), for times that are shown. */
  now(): number;
  /** Never jumps (ms), for times that are compared. */
  steady(): number;
}

export function timestampOf({ now }: Parts): string {
  return new Date(now()).toISOString();
}
