import { machine } from "../config/client.ts";
import { thisMachine } from "../config/machine_id.ts";
import type { Json } from "../lib/json.ts";

/**
 * Live sessions of this machine, also those that began under another name of it. `list` calls `list_sessions`. An older bus does not
 * tell the machine of a session except by its name.
 */
export async function sessionsHere(list: (args: Json) => Promise<Json | undefined>): Promise<Json[]> {
  const listed = (await list(thisMachine()))?.result as Json[] | undefined;
  return (listed ?? []).filter((session) => session.here ?? session.machine === machine());
}
