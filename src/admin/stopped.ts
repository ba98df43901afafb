import { environment, installConfig } from "../config/client.ts";
import { quoted } from "../lib/escape.ts";
import { type Lock, takeLock } from "../sqlite/lock.ts";
import { busOf } from "./holder.ts";

/**
 * Keeps every bus from a database until the lock is released. `flag`: the user's `--db`. `what` needs it, like `a restore`.
 * @throws Error with the command that stops the bus which has it.
 */
export async function lockStopped(db: string, flag: string | undefined, what: string): Promise<Lock> {
  const lock = takeLock(db);
  if (lock !== null) return lock;
  const holder = await busOf(db, installConfig(environment));
  const which = holder.kind === "none" || holder.pid === undefined ? "" : ` (process ${holder.pid})`;
  const end =
    holder.kind === "other"
      ? `sudo kill ${holder.pid}`
      : `agent-event-bus stop${flag === undefined ? "" : ` --db ${quoted(db)}`}`;
  throw new Error(`The bus runs${which}, and ${what} needs it stopped. First: ${end}`);
}
