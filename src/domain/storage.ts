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
