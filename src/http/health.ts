import { version } from "../config/client.ts";
import type { Trouble } from "../domain/store.ts";

/** Answer of `/health`: 200, or 503 while the database takes no writes. Reads go on in both cases. */
export function healthAnswer(trouble: Trouble | null, uptimeMs: number): Response {
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
  };
  return Response.json(health, { status: trouble === null ? 200 : 503 });
}
