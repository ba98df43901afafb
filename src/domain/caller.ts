/** A caller's rights: `publish` only publishes, `read` only reads and moves no cursor, `full` does everything. */
export const SCOPES = ["full", "publish", "read"] as const;
export type Scope = (typeof SCOPES)[number];

/** The sender of a request, as the bus itself found out. */
export interface Caller {
  /** `local`, the login of a tailnet, the name of a token, or `unverified`. Stored with every event. */
  origin: string;
  scope: Scope;
  /** True for a program of this machine that sends through no proxy. */
  local: boolean;
  /** SHA-256 of its token, hex. Undefined if it sent no token. */
  token?: string;
  /** For a command that runs in a terminal and bears no agent's mark: its process and those that started it. */
  terminal?: readonly number[];
}

/** Identifies a caller. A revoked token and a later one of its name are two callers of one origin. */
export function callerKey({ origin, token }: Caller): string {
  return token ?? origin;
}

/** Origins that are neither a login nor a token. `person`: the user, as the bus proved. */
export const ORIGINS = { local: "local", unverified: "unverified", bus: "bus", person: "person" } as const;

export const LOCAL: Caller = { origin: ORIGINS.local, scope: "full", local: true };

/** True if a caller's scope includes `needed`. */
export function covers(scope: Scope, needed: Scope): boolean {
  return scope === "full" || scope === needed;
}
