import { statSync } from "node:fs";
import { join } from "node:path";
import { dataDirectory } from "../config/client.ts";
import { quoted } from "../lib/escape.ts";

/** Databases of earlier releases on this machine, each with the command that takes it over. They are not opened. */
export function olderDatabases(db: string): { found: string; command: string }[] {
  // Where earlier releases of the original kept them.
  return ["../../event-bus.db", "../event-bus/data.db"]
    .map((place) => join(dataDirectory(), place))
    .filter((file) => {
      const stat = statSync(file, { throwIfNoEntry: false });
      return stat?.isFile() === true && stat.size > 0;
    })
    .map((file) => ({
      found: `${file} is the database of an earlier release, and ${db} holds no events`,
      command: `agent-event-bus adopt ${quoted(file)}`,
    }));
}
