import { resolveChannel } from "../domain/channel.ts";
import { isLevel, LEVELS } from "../domain/level.ts";
import { publish, senderOf } from "../domain/publish.ts";
import { reachOfMail, reachWords } from "../domain/reachability.ts";
import type { Json } from "../lib/json.ts";
import { operation } from "./operation.ts";
import { CORRELATION_ID, SESSION_ID, withPayload } from "./params.ts";
import { anonymousWarning, deletedNote, touch } from "./present.ts";

/** How long `publish --track` waits for a message to be seen. */
const TRACK_SECONDS = 10;

export const publishEvent = operation({
  name: "publish_event",
  about: "Publish an event.",
  effect: "writes",
  scope: "publish",
  appends: true,
  params: {
    event_type: {
      type: "text",
      flag: "type",
      min: 1,
      max: "event_type_bytes",
      about: "e.g. task_completed, help_needed",
    },
    payload: { type: "text", max: "payload_bytes", about: "The message" },
    channel: {
      type: "text",
      default: "all",
      max: "channel_bytes",
      about: "all, session:{name or id}, @{claim}, repo:{name} or machine:{name}",
    },
    session_id: SESSION_ID,
    title: { type: "text", optional: true, max: "title_bytes", about: "Headline" },
    tags: { type: "list", optional: true, max: "tags", each: "tag_bytes", about: "Labels" },
    correlation_id: CORRELATION_ID,
    signal_level: {
      type: "text",
      optional: true,
      max: 32,
      about: "lifecycle, info or actionable",
    },
  },
  command: {
    name: "publish",
    examples: [
      [
        'publish --type "done" --payload "Finished" --channel "repo:my-project"',
        "tell a repository's sessions",
      ],
      [
        'publish --type "question" --payload "Is the API frozen?" --channel "session:brave-trex"',
        "a direct message",
      ],
      ["git diff --stat | agent-event-bus publish --type diff --payload -", "the payload from stdin"],
    ],
    flags: { track: { about: "Wait up to 10 s and tell whether it was seen", boolean: true } },
    before: (args, _flags, here) => withPayload(args, here),
    async after(result, flags, call) {
      if (flags.track !== true) return result;
      // A recipient that is gone will not see it soon.
      const wait_seconds = result.reach === undefined ? 0 : TRACK_SECONDS;
      const args = { event_id: result.event_id, wait_seconds };
      // The event is published even if this call is refused, as it is for a publish-only token.
      const { deliveries = [] } = await call("get_delivery", args).catch((error: Error) => ({
        deliveries: [],
        problem: error.message,
      }));
      return { ...result, deliveries };
    },
    timeoutMs: ({ wait_seconds }) => 10_000 + Number(wait_seconds ?? 0) * 1000,
  },
  async run(bus, args, call) {
    const sender = await senderOf(bus, args.session_id, call);
    if ("refusal" in sender) return sender.refusal;
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
      ...sender.signed,
    });
    const result: Json = {
      event_id: event.id,
      event_type: event.event_type,
      payload: event.payload,
      channel: event.channel,
      signal_level: event.signal_level,
    };
    if (event.correlation_id !== null) result.correlation_id = event.correlation_id;
    Object.assign(result, await reachOfMail(bus, resolved, event.session_id));
    const warnings = [
      resolved.warning,
      levelWarning(args.signal_level, event.signal_level),
      anonymousWarning(event.session_id, call),
    ].filter(Boolean);
    if (warnings.length > 0) result.warning = warnings.join(" ");
    return { ...result, ...deletedNote(sender.session) };
  },
  print(result, to) {
    const deliveries = (result.deliveries ?? []) as Json[];
    const reach = result.reach === undefined ? "" : ` (${to.text(reachWords(result.reach))})`;
    to.line(
      `Published ${to.bold(`#${to.text(result.event_id)}`)} ${to.text(result.event_type)} to ${to.text(result.channel)}${reach}`,
    );
    for (const one of deliveries)
      to.line(
        `  ${to.text(one.name ?? one.recipient)}: ${to.text(one.state)}, ${to.text(reachWords(one.reach))}`,
      );
  },
});

function levelWarning(sent: string | undefined, used: string): string | undefined {
  if (sent === undefined || isLevel(sent)) return undefined;
  return `The signal_level "${sent}" is unknown (known: ${LEVELS.join(", ")}): it is stored, and the event counts as ${used}.`;
}
