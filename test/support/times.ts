import { rowsOf } from "./original.ts";

/** Every column that holds a time. */
const COLUMNS: Record<string, string[]> = {
  events: ["timestamp"],
  sessions: ["registered_at", "last_heartbeat", "deleted_at", "lease_until"],
  webhooks: ["created_at", "last_success", "last_failure"],
  claims: ["claimed_at"],
  mail: ["offered_at", "seen_at", "acked_at"],
};

/** All times that a database holds, as they are stored. */
export function timesIn(path: string): string[] {
  const cells = Object.entries(COLUMNS).flatMap(([table, columns]) =>
    rowsOf(path, table).flatMap((row) => columns.map((column) => row[column])),
  );
  return cells.filter((cell) => typeof cell === "string");
}
