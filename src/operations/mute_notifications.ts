import { mayAnswer, tellAttempt } from "../domain/answering.ts";
import { ALWAYS } from "../domain/notification.ts";
import { durationOf } from "../domain/token.ts";
import type { Json } from "../lib/json.ts";
import { operation } from "./operation.ts";

export const muteNotifications = operation({
  name: "mute_notifications",
  about: "Mute your notifications for a while.",
  effect: "overwrites",
  scope: "any",
  tool: false,
  params: {
    time: {
      type: "text",
      optional: true,
      flag: false,
      max: 20,
      offers: ["1h", "today", "always", "off"],
      about: "How long, like 30m or 1h. today: until midnight. always: until you end it with off",
    },
  },
  command: {
    name: "mute",
    words: [{ param: "time", placeholder: "TIME" }],
    examples: [
      ["mute 1h", "no notifications for an hour"],
      ["mute today", "until midnight"],
      ["mute off", "show them again"],
    ],
  },
  async run(bus, { time }, { caller }) {
    if (time !== undefined) {
      const refused = await mayAnswer(bus, caller);
      if (refused !== null) {
        await tellAttempt(bus, refused, `mute ${time}`);
        return { error: refused.reason };
      }
      const until = endOf(time, bus.now());
      if (until === null)
        return { error: `"${time}" is not a time. Use one like 30m, 1h or 2d, or today, always or off.` };
      await bus.store.mail.muteUntil(until);
      bus.muted.until = until;
      bus.store.peers.tell({ does: "mute", key: String(until) });
    }
    return { muted_until: shown(bus.muted.until, bus.now()) };
  },
  print({ muted_until }, to) {
    if (muted_until === null) to.line("Notifications are on.");
    else if (muted_until === "always") to.line("Notifications are off until: agent-event-bus mute off");
    else to.line(`Notifications are off until ${to.clock(muted_until)}.`);
  },
});

/** The end of a mute (ms since 1970). Null if the text is not a time. */
function endOf(time: string, now: number): number | null {
  switch (time) {
    case "off":
      return 0;
    case "always":
      return ALWAYS;
    case "today":
      return new Date(now).setHours(24, 0, 0, 0);
  }
  const ms = durationOf(time);
  return ms === null ? null : now + ms;
}

/** The end of a mute as answers tell it. Null if notifications are on. */
export function shown(until: number, now: number): Json[string] {
  if (until <= now) return null;
  return until === ALWAYS ? "always" : new Date(until).toISOString();
}
