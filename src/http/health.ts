import { version } from "../config/client.ts";
import type { Caller } from "../domain/caller.ts";
import { backlogOf } from "../domain/search.ts";
import type { IndexProgress, Trouble } from "../domain/store.ts";

export interface HealthFacts {
  trouble: Trouble | null;
  uptimeMs: number;
  progress: IndexProgress;
}

/**
 * Answer of `/health`: 200, or 503 while the database takes no writes. Reads go on in both cases. Programs of this machine
 * are told how far the index of texts has come.
 */
export function healthAnswer({ trouble, uptimeMs, progress }: HealthFacts, { local }: Caller): Response {
  const search = local ? backlogOf(progress) : null;
  const health = {
    status: trouble === null ? "ok" : "degraded",
    service: "agent-event-bus",
    version,
    uptime_seconds: Math.floor(uptimeMs / 1000),
    ...(trouble !== null && {
      reason: trouble.problem,
      detail: trouble.detail,
      since: new Date(trouble.since).toISOString(),
    }),
    ...(search !== null && { search }),
  };
  return Response.json(health, { status: trouble === null ? 200 : 503 });
}
