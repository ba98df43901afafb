/** Why the store takes no write at the moment. */
export type StorageProblem =
  | "storage_busy"
  | "storage_full"
  | "storage_readonly"
  | "storage_failed"
  | "storage_corrupt";

/** The database takes no writes. */
export interface Trouble {
  problem: StorageProblem;
  /** Wall clock (ms). */
  since: number;
  /** A sentence on what happened and what to do. */
  detail: string;
}

/** The database cannot be used. The message is one line: what, where, what to do. The database was left as it was. */
export class OpenError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "OpenError";
  }
}
