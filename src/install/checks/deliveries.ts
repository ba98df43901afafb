import type { Json } from "../../lib/json.ts";
import { hostOf } from "../../rpc/bus_url.ts";
import type { Place } from "./facts.ts";
import { bad, check, note, ok } from "./finding.ts";
import { ask, askApi } from "./message.ts";

const MOST_TOLD = 5;

/** Every active webhook gets its events through. */
export const webhooks = check("webhooks", async (place) => {
  const listed = await asked(place, "list_webhooks", { active_only: false });
  return (listed?.result as Json[] | undefined)
    ?.flatMap((webhook) => problemOf(webhook, place) ?? [])
    .slice(0, MOST_TOLD);
});

function problemOf(webhook: Json, { command }: Place) {
  const { webhook_id, url, active, paused_reason, last_success, last_failure, last_error } = webhook;
  const to = `webhook ${webhook_id} to ${hostOf(String(url))}`;
  const repair = `${command} webhook deliveries ${webhook_id}`;
  if (typeof paused_reason === "string") return bad(`the bus disabled ${to}: ${paused_reason}`, repair);
  if (active !== true || typeof last_failure !== "string") return undefined;
  if (typeof last_success === "string" && last_success >= last_failure) return undefined;
  const since = typeof last_success === "string" ? `since ${last_success}` : "from the start";
  return bad(`${to} has been failing ${since}: ${last_error}`, repair);
}

/** Arrivals of sources are taken. An older bus has no sources. */
export const sources = check("sources", async (place) => {
  if ((await place.probe()).kind !== "bus") return undefined;
  const listed = (await askApi(place, "list_sources").catch(() => undefined))?.result;
  if (!Array.isArray(listed)) return undefined;
  return (listed as Json[]).slice(0, MOST_TOLD).map(stateOf);
});

/** A refusal is not a problem of the bus: anyone who knows the address may try. */
function stateOf({ name, last_arrival, last_refused, refused, refused_because }: Json) {
  const last = typeof last_arrival === "string" ? `last event at ${last_arrival}` : "no event of it yet";
  if (typeof last_refused !== "string" || last_refused <= String(last_arrival ?? ""))
    return ok(`${name}: ${last}`);
  return note(
    `${name}: ${refused} refused, the last at ${last_refused}, because ${refused_because} (${last})`,
  );
}

/** The bus can show a notification, if this machine has a desktop. The notification says that it is a test. */
export const notifications = check("notify", async (place) => {
  const { DISPLAY, WAYLAND_DISPLAY } = place.config.env;
  const desktop = process.platform === "darwin" || Boolean(DISPLAY || WAYLAND_DISPLAY);
  if (!desktop || place.role === "client") return undefined;
  const message = { title: "agent-event-bus doctor", message: "Notifications from the bus appear here." };
  const shown = await asked(place, "notify", message);
  if (shown === undefined) return undefined;
  if (shown.success === true) return ok("the bus showed one");
  const variables = "DISPLAY WAYLAND_DISPLAY DBUS_SESSION_BUS_ADDRESS";
  const repair =
    process.platform === "linux"
      ? `systemctl --user import-environment ${variables}; ${place.command} restart`
      : `${place.command} logs`;
  return bad("the bus could not show one on this desktop. Its log says why", repair);
});

/** Undefined if there is no bus to ask, or it refuses this machine the call. */
export async function asked(place: Place, tool: string, args: Json): Promise<Json | undefined> {
  if ((await place.probe()).kind !== "bus") return undefined;
  return ask(place, tool, args).catch(() => undefined);
}
