import { resolveChannel } from "../domain/channel.ts";
import { ANONYMOUS } from "../domain/event.ts";
import { publish } from "../domain/publish.ts";
import { reachOf } from "../domain/reachability.ts";
import { ANSWER } from "./ask.ts";
import { operation } from "./operation.ts";
import { EVENT_ID, SESSION_ID, withPayload } from "./params.ts";
import { anonymousWarning, deletedNote, touch } from "./present.ts";

export const reply = operation({
  name: "reply",
  about: "Answer the sender of an event.",
  effect: "writes",
  appends: true,
  params: {
    event_id: { ...EVENT_ID, flag: "to", about: "The event you answer" },
    payload: { type: "text", max: "payload_bytes", about: "The answer" },
    session_id: SESSION_ID,
  },
  command: {
    name: "reply",
    examples: [['reply --to 42 --payload "Yes, since Monday"', "answer event 42"]],
    before: (args, _flags, here) => withPayload(args, here),
  },
  async run(bus, args, call) {
    const { caller } = call;
    const question = await bus.store.events.get(args.event_id);
    if (question === undefined)
      return { error: `There is no event ${args.event_id}: nothing was published.`, event_id: args.event_id };
    const own = args.session_id ? await bus.store.sessions.get(args.session_id) : undefined;
    touch(bus, own);
    // A caller that asked without a session reads the answer by its correlation id.
    const to = question.session_id === ANONYMOUS ? "all" : `session:${question.session_id}`;
    const resolved = await resolveChannel(bus, to);
    if ("refusal" in resolved) return resolved.refusal;
    const event = await publish(bus, {
      event_type: ANSWER,
      payload: args.payload,
      session_id: own?.session_id ?? (args.session_id || ANONYMOUS),
      channel: resolved.channel,
      correlation_id: question.correlation_id ?? `event-${question.id}`,
      origin: caller.origin,
    });
    if (own !== undefined) await bus.store.mail.acknowledge(own.session_id, question.id);
    const warnings = [resolved.warning, anonymousWarning(args.session_id, call)].filter(Boolean);
    return {
      event_id: event.id,
      answers: question.id,
      channel: event.channel,
      correlation_id: event.correlation_id,
      ...(resolved.recipient === undefined
        ? {}
        : { reach: await reachOf(bus, resolved.recipient, event.session_id) }),
      ...(warnings.length > 0 && { warning: warnings.join(" ") }),
      ...deletedNote(own),
    };
  },
  print(result, to) {
    to.line(`Answered #${to.text(result.answers)} with ${to.bold(`#${to.text(result.event_id)}`)}`);
  },
});
