import type { HookCall } from "./hook.ts";

/** After these the person goes on in the same process: what starts next takes the session over. */
const GOES_ON = ["clear", "resume"];

/** Unregisters the session of a client that ends. */
export async function end(run: HookCall): Promise<void> {
  const client_id = run.input.session_id ?? run.config.sessionId;
  if (client_id === undefined || GOES_ON.includes(run.input.reason ?? "")) return;
  // By its own id: another process of the client may have a session under the same client_id.
  const { session_id } = await run.call("confirm_events", { ...run.tools.who(run), event_ids: [] });
  if (session_id !== undefined) await run.call("unregister_session", { session_id });
}
