import { UsageError } from "../lib/command.ts";
import type { Json } from "../lib/json.ts";

/**
 * Turns `--since` into a time for the bus.
 * @throws UsageError when it is not a time.
 */
export async function sinceTime(args: Json): Promise<Json> {
  const { since } = args;
  if (since === undefined) return args;
  const { timeSince } = await import("../lib/since.ts");
  const time = timeSince(String(since), new Date());
  if (time === undefined)
    throw new UsageError(`--since takes a time like 1h, 14:00, yesterday or 2026-11-01, not "${since}".`);
  return { ...args, since: time };
}
