import type { Call } from "../domain/call.ts";
import { resolveChannel } from "../domain/channel.ts";
import type { Bus } from "../domain/context.ts";
import { isLevel, LEVELS } from "../domain/level.ts";
import { publish, senderOf } from "../domain/publish.ts";
import { reachOfMail } from "../domain/reachability.ts";
import type { Json } from "../lib/json.ts";
import { anonymousWarning, deletedNote, touch } from "./present.ts";
import { previewFor } from "./preview.ts";
import type { Publication } from "./publish_params.ts";

/** Stores an event and tells whom it reaches. */
export async function runPublishEvent(bus: Bus, args: Publication, call: Call): Promise<Json> {
  const sender = await senderOf(bus, args.session_id, call);
  if ("refusal" in sender) return sender.refusal;
  const { session_id, origin } = sender.signed;
  if (call.caller.scope === "full") touch(bus, sender.session);
  const resolved = await resolveChannel(bus, args.channel);
  if ("refusal" in resolved) return resolved.refusal;
  const event = await publish(bus, {
    event_type: args.event_type,
    payload: args.payload,
    channel: resolved.channel,
    title: args.title,
    tags: args.tags,
    correlation_id: args.correlation_id,
    explicit_level: args.signal_level,
    session_id,
    origin,
  });
  const result: Json = {
    event_id: event.id,
    event_type: event.event_type,
    payload: event.payload,
    channel: event.channel,
    signal_level: event.signal_level,
  };
  const preview = previewFor(call, event.id, event.payload);
  if (preview !== undefined) Object.assign(result, preview);
  if (event.correlation_id !== null) result.correlation_id = event.correlation_id;
  const reach = reachOfMail(bus, resolved, event.session_id);
  if (reach !== undefined) result.reach = await reach;
  const warnings = [
    resolved.warning,
    levelWarning(args.signal_level, event.signal_level),
    anonymousWarning(event.session_id, call),
  ].filter(Boolean);
  if (warnings.length > 0) result.warning = warnings.join(" ");
  return sender.session === undefined ? result : { ...result, ...deletedNote(sender.session) };
}

function levelWarning(sent: string | undefined, used: string): string | undefined {
  if (sent === undefined || isLevel(sent)) return undefined;
  return `Unknown signal_level "${sent}", so the event counts as ${used}. Known levels: ${LEVELS.join(", ")}.`;
}
