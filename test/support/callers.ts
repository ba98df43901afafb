import type { Scope } from "../../src/domain/caller.ts";
import { newToken } from "./engine.ts";

/** A new token of a database that is in use: its bus knows it at the next request. */
export function tokenFor(db: string, name: string, scope: Scope = "full"): string {
  const created = newToken(db, name, scope);
  if (created === undefined) throw new Error(`there is a valid token ${name} already`);
  return created;
}

export function bearer(secret: string): Record<string, string> {
  return { authorization: `Bearer ${secret}` };
}

/** What `tailscale serve` puts on a request that it hands on from a peer with that login. */
export function servedTo(login: string): Record<string, string> {
  return {
    "x-forwarded-for": "100.64.0.9",
    "x-forwarded-proto": "https",
    "tailscale-user-login": login,
    "tailscale-user-name": "Ada",
  };
}
