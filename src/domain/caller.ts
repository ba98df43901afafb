/**
 * A caller's rights: `publish` only publishes, `read` only reads and moves no cursor, `answer` reads and answers for the user,
 * `full` does everything but that.
 */
export const SCOPES = ["full", "publish", "read", "answer"] as const;
export type Scope = (typeof SCOPES)[number];

/** The process at the other end of a connection, and those that started it. */
export interface PeerProcess {
  /** Nearest first. All that hold the connection count. Empty if `unseen` says why. */
  line: readonly number[];
  /** A sign that an agent's client started one of them, such as a variable's name. */
  mark?: string;
  /**
   * `elsewhere`: on another machine. `other_user`: of another user of this one, like a proxy. `hidden`: of this user, but not
   * found. `unsupported`: this system does not tell.
   */
  unseen?: "elsewhere" | "other_user" | "hidden" | "unsupported";
  /** Number of the user whose process it is. Undefined if the system does not tell, or tells of several. */
  user?: number;
}

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
  /** Found for routes that prove it. Undefined for all others. */
  process?: PeerProcess;
  /** A browser that is signed in to the page. */
  page?: true;
}

/** Identifies a caller. A revoked token and a later one of its name are two callers of one origin. */
export function callerKey({ origin, token }: Caller): string {
  return token ?? origin;
}

/** Origins that are neither a login nor a token. `person`: the user, as the bus proved. */
export const ORIGINS = { local: "local", unverified: "unverified", bus: "bus", person: "person" } as const;

/** The sender of a request to a route that anyone may use. */
export const ANYONE: Caller = { origin: ORIGINS.unverified, scope: "read", local: false };

export const LOCAL: Caller = { origin: ORIGINS.local, scope: "full", local: true };

/** True if a caller's scope includes `needed`. */
export function covers(scope: Scope, needed: Scope | "any"): boolean {
  if (scope === needed || needed === "any") return true;
  return scope === "answer" ? needed === "read" : scope === "full" && needed !== "answer";
}
