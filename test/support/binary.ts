import { existsSync } from "node:fs";
import { join } from "node:path";

const dist = join(import.meta.dir, "../../dist");

/** The executable under test. */
export const binary = built("agent-event-bus", "build");
/** The same program as one file for Node. */
export const nodeBundle = built("agent-event-bus.mjs", "build:node");

function built(name: string, script: string): string {
  const file = join(dist, name);
  if (!existsSync(file)) throw new Error(`dist/${name} does not exist; run npm run ${script} first`);
  return file;
}
