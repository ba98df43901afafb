import { statSync } from "node:fs";
import { join } from "node:path";
import { attempt } from "../../lib/attempt.ts";
import type { Json } from "../../lib/json.ts";
import { sessionsHere } from "../sessions_here.ts";
import { asked } from "./deliveries.ts";
import type { Place } from "./facts.ts";
import { check, note, ok } from "./finding.ts";
import { hasPlugin, obstacleOf } from "./plugin.ts";

const MOST_TOLD = 30;

const CARRIED: Readonly<Record<string, string>> = {
  mod: "the plugin delivers, and wakes it",
  waiter: "hooks deliver, and a waiting process wakes it",
  hooks: "hooks deliver at its next prompt or tool use",
  polls: "gets messages only when it asks for them",
};

/** How messages reach each session of this machine, and why not by the plugin. An older bus does not tell. */
export const sessions = check("session", async (place) => {
  const here = (await sessionsHere((args) => asked(place, "list_sessions", args))).filter(isTold);
  const expected = hasPlugin(place) && (await obstacleOf(place)) === undefined;
  return here.slice(0, MOST_TOLD).map((session) => {
    const words = `${session.name}: ${CARRIED[String(session.rung)]}`;
    if (session.rung === "mod") return ok(words);
    return expected ? note(`${words}. ${whyNot(session, place)}`) : note(words);
  });
});

function isTold({ rung, client_id: id }: Json): boolean {
  return String(rung) in CARRIED && !String(id).startsWith("doctor-");
}

function whyNot({ registered_at: since, rung }: Json, place: Place): string {
  const { folder } = place.plugin();
  const put = attempt(() => statSync(join(folder, "hooks", "register.js")).mtimeMs);
  if (put !== undefined && Date.parse(String(since)) < put)
    return "This session began before the plugin was put in. Start it again, or type /reload-plugins there";
  return rung === "polls"
    ? "This may be another program, or have begun with --bare or --safe-mode"
    : "Why the plugin does not is not known here. Type /plugin there to see if it is loaded";
}
