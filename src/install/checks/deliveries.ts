import type { Json } from "../../lib/json.ts";
import { type Check, type Finding, hostOf, type Place } from "./facts.ts";
import { ask } from "./message.ts";

const MOST_TOLD = 5;

/** Whether every webhook that is on gets its events through. */
export const webhooks: Check = {
  what: "webhooks",
  async look(place) {
    const listed = await asked(place, "list_webhooks", { active_only: false });
    return (listed?.result as Json[] | undefined)
      ?.flatMap((webhook) => problemOf(webhook, place) ?? [])
      .slice(0, MOST_TOLD);
  },
};

function problemOf(webhook: Json, { command }: Place): Finding | undefined {
  const { webhook_id, url, active, paused_reason, last_success, last_failure, last_error } = webhook;
  const to = `webhook ${webhook_id} to ${hostOf(String(url))}`;
  const repair = `${command} webhook deliveries ${webhook_id}`;
  if (typeof paused_reason === "string")
    return {
      what: webhooks.what,
      state: "bad",
      found: `the bus switched off ${to}: ${paused_reason}`,
      repair,
    };
  if (active !== true || typeof last_failure !== "string") return undefined;
  if (typeof last_success === "string" && last_success >= last_failure) return undefined;
  const since = typeof last_success === "string" ? `since ${last_success}` : "always";
  return { what: webhooks.what, state: "bad", found: `${to} has failed ${since}: ${last_error}`, repair };
}

/** Whether the bus can show a notification, where a desktop is here to show it on. The notification says what it is. */
export const notifications: Check = {
  what: "notify",
  async look(place) {
    const { what } = notifications;
    const { DISPLAY, WAYLAND_DISPLAY } = place.config.env;
    const desktop = process.platform === "darwin" || Boolean(DISPLAY || WAYLAND_DISPLAY);
    if (!desktop || place.role === "client") return undefined;
    const message = { title: "agent-event-bus doctor", message: "Notifications of the bus appear here." };
    const shown = await asked(place, "notify", message);
    if (shown === undefined) return undefined;
    if (shown.success === true) return { what, state: "ok", found: "the bus has shown one" };
    const variables = "DISPLAY WAYLAND_DISPLAY DBUS_SESSION_BUS_ADDRESS";
    return {
      ...{ what, state: "bad", found: "the bus shows none on this desktop; its log says why" },
      repair:
        process.platform === "linux"
          ? `systemctl --user import-environment ${variables}; ${place.command} restart`
          : `${place.command} logs`,
    };
  },
};

/** Undefined if there is no bus to ask, or it does not let this machine ask for that. */
async function asked(place: Place, tool: string, args: Json): Promise<Json | undefined> {
  if ((await place.probe()).kind !== "bus") return undefined;
  return ask(place, tool, args).catch(() => undefined);
}
