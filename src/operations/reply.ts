import { type Resolution, resolveId } from "../domain/channel.ts";
import type { Bus } from "../domain/context.ts";
import { recipientOf } from "../domain/direct_message.ts";
import { ANONYMOUS, ANSWER, type Event } from "../domain/event.ts";
import { publish, senderOf } from "../domain/publish.ts";
import { reachWords } from "../domain/reach.ts";
import { reachOfMail } from "../domain/reachability.ts";
import { isOfSource } from "../domain/source.ts";
import { operation } from "./operation.ts";
import { EVENT_ID, SESSION_ID, withPayload } from "./params.ts";
import { anonymousWarning, deletedNote, touch } from "./present.ts";

export const reply = operation({
  name: "reply",
  about: "Answer the sender of an event.",
  effect: "writes",
  appends: true,
  params: {
    event_id: { ...EVENT_ID, flag: "to", about: "Event you answer" },
    payload: { type: "text", max: "payload_bytes", about: "The answer" },
    session_id: SESSION_ID,
  },
  command: {
    name: "reply",
    words: [
      { param: "event_id", placeholder: "ID", orFlag: true },
      { param: "payload", placeholder: "TEXT", rest: true, orFlag: true },
    ],
    examples: [
      ['reply 42 "Yes, since Monday"', "answer event 42"],
      ["reply 42 - < answer.md", "read the text from stdin"],
    ],
    before: (args, _flags, here) => withPayload(args, here),
  },
  async run(bus, args, call) {
    const question = await bus.store.events.get(args.event_id);
    if (question === undefined)
      return { error: `There is no event ${args.event_id}. Nothing was published.`, event_id: args.event_id };
    const sender = await senderOf(bus, args.session_id, call);
    if ("refusal" in sender) return sender.refusal;
    touch(bus, sender.session);
    const resolved = await audienceOf(bus, question);
    if ("refusal" in resolved) return resolved.refusal;
    const event = await publish(bus, {
      event_type: ANSWER,
      payload: args.payload,
      channel: resolved.channel,
      correlation_id: question.correlation_id ?? `event-${question.id}`,
      ...sender.signed,
    });
    await bus.store.mail.acknowledge(event.session_id, question.id);
    const reach = await reachOfMail(bus, resolved, event.session_id);
    const warnings = [resolved.warning, anonymousWarning(event.session_id, call)].filter(Boolean);
    return {
      event_id: event.id,
      answers: question.id,
      channel: event.channel,
      ...(resolved.recipient !== undefined && { to: resolved.recipient.name }),
      correlation_id: event.correlation_id,
      ...(reach !== undefined && { reach }),
      ...(warnings.length > 0 && { warning: warnings.join(" ") }),
      ...deletedNote(sender.session),
    };
  },
  print(result, to) {
    const reach = result.reach === undefined ? "" : ` (${to.text(reachWords(result.reach))})`;
    to.prose(
      `Answered #${to.text(result.answers)} with ${to.bold(`#${to.text(result.event_id)}`)} to ${to.text(result.to ?? result.channel)}${reach}`,
    );
  },
});

/** Where an answer goes: to who asked, and never to more than the question went to. */
async function audienceOf(bus: Bus, question: Event): Promise<Resolution> {
  const { session_id, channel } = question;
  const isSources = isOfSource(question);
  if (session_id !== ANONYMOUS && !isSources) return resolveId(bus, session_id);
  if (recipientOf(channel) === null) return { channel };
  if (isSources)
    return {
      refusal: { error: `${session_id} reads no answers. Nothing was published.`, event_id: question.id },
    };
  return {
    channel: `session:${ANONYMOUS}`,
    warning: "The asker gave no session, so it sees the answer only while it waits for it.",
  };
}
