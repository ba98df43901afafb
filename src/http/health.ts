import { version } from "../config/client.ts";
import type { Store, Trouble } from "../domain/store.ts";
import type { Log } from "../serve/log.ts";

/** What `/health` says: 200 when `ok`, 503 when `degraded`. */
export interface Health {
  status: "ok" | "degraded";
  [key: string]: unknown;
}

/** Degraded means that the database takes no writes; reads go on. */
export function healthOf(store: Store, uptimeMs: number): Health {
  const trouble = store.trouble();
  return {
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
}

/** Logs when the database stops taking writes and when it takes them again. */
export function reportTrouble(log: Log): (trouble: Trouble | null) => void {
  let began = 0;
  return (trouble) => {
    if (trouble === null) {
      const seconds = Math.round((performance.now() - began) / 1000);
      return log.info(`the database takes writes again, after ${seconds} s`);
    }
    began = performance.now();
    log.error(`the database takes no writes (${trouble.problem}), reads go on: ${trouble.detail}`);
  };
}
