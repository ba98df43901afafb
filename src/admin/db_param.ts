import type { Param } from "../lib/param.ts";

/** The database of a command on files. */
export const DB = {
  type: "text",
  optional: true,
  max: 4096,
  value: "file",
  about: "Database file (AGENT_EVENT_BUS_DB, default data.db in the data directory)",
} as const satisfies Param;
