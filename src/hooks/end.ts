import type { HookSession } from "./session.ts";
import type { HookCall } from "./types.ts";

/** Reasons after which the user goes on in the same process. The session that starts next takes this one over. */
const GOES_ON = ["clear", "resume"];

/** Unregisters the session of a client that ends. */
export async function end({ input, clientId, call }: HookCall, { identity }: HookSession): Promise<void> {
  if (clientId === undefined || GOES_ON.includes(input.reason ?? "")) return;
  // Uses its own id, because another process of the client may have a session under the same client_id.
  const { session_id } = await call("confirm_events", { ...identity, event_ids: [] });
  if (session_id !== undefined) await call("unregister_session", { session_id });
}
