/** The result of one check. */
export interface Finding {
  what: string;
  ok: boolean;
  found: string;
  repair?: string;
}
