/** What a caller may do: `publish` only publishes, `read` only reads and moves no cursor, `full` does everything. */
export const SCOPES = ["full", "publish", "read"] as const;
export type Scope = (typeof SCOPES)[number];

/** Who sent a request, as the bus itself found out. */
export interface Caller {
  /** `local`, the login of a tailnet, the name of a token, or `unverified`; stored with every event. */
  origin: string;
  scope: Scope;
  /** A program of this machine, not reached through a proxy. */
  local: boolean;
}

/** Origins that are no one's login or token. */
export const ORIGINS = { local: "local", unverified: "unverified", bus: "bus" } as const;

export const LOCAL: Caller = { origin: ORIGINS.local, scope: "full", local: true };

/** Whether a caller's scope covers what needs `needed`. */
export function covers(scope: Scope, needed: Scope): boolean {
  return scope === "full" || scope === needed;
}
