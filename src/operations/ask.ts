import { resolveChannel } from "../domain/channel.ts";
import { ANSWER, type Event } from "../domain/event.ts";
import { publish, senderOf } from "../domain/publish.ts";
import { type Reach, reachWords } from "../domain/reach.ts";
import { reachOfMail } from "../domain/reachability.ts";
import { durationOf } from "../domain/token.ts";
import { UsageError } from "../lib/command.ts";
import type { Json } from "../lib/json.ts";
import { SESSIONS } from "../lib/param.ts";
import { operation } from "./operation.ts";
import { channelOf, SESSION_ID, WAIT, withPayload } from "./params.ts";
import { anonymousNote, deletedNote, touch } from "./present.ts";
import { eventFor } from "./preview.ts";

const PATIENCE_SECONDS = 300;

export const ask = operation({
  name: "ask",
  about: "Ask a session and wait for its answer.",
  effect: "writes",
  appends: true,
  params: {
    to: {
      type: "text",
      min: 1,
      max: "channel_bytes",
      offers: [SESSIONS, "@human"],
      about: "Name, @claim or id",
    },
    payload: { type: "text", max: "payload_bytes", about: "The question" },
    session_id: SESSION_ID,
    wait_seconds: { ...WAIT, default: PATIENCE_SECONDS, flag: false, about: "Seconds to wait" },
  },
  command: {
    name: "ask",
    words: [
      { param: "to", placeholder: "TO", orFlag: true },
      { param: "payload", placeholder: "TEXT", rest: true, orFlag: true },
    ],
    examples: [
      ['ask api "Is the orders API frozen?"', "wait up to 5 minutes for the answer"],
      ['ask brave-trex "May I merge?" --timeout 30s', "wait up to 30 seconds"],
    ],
    flags: { timeout: { about: "Time limit, e.g. 30s or 5m (default 5m)", value: "time" } },
    async before(args, flags, here) {
      const wait_seconds = secondsOf(flags.timeout);
      return withPayload({ ...args, ...(wait_seconds !== undefined && { wait_seconds }) }, here);
    },
    timeoutMs: (args) => 10_000 + Number(args.wait_seconds ?? PATIENCE_SECONDS) * 1000,
  },
  async run(bus, args, call) {
    const asker = await senderOf(bus, args.session_id, call);
    if ("refusal" in asker) return asker.refusal;
    touch(bus, asker.session);
    const resolved = await resolveChannel(bus, channelOf(args.to));
    if ("refusal" in resolved) return resolved.refusal;
    const correlation_id = crypto.randomUUID();
    const own = asker.signed.session_id;
    const isAnswer = (event: Event) => event.correlation_id === correlation_id && event.event_type === ANSWER;
    const wait = { call, seconds: args.wait_seconds };
    const answers = bus.subscriptions.subscribe(isAnswer, await bus.store.events.tip(), wait);
    try {
      const event = await publish(bus, {
        event_type: "question",
        payload: args.payload,
        channel: resolved.channel,
        correlation_id,
        ...asker.signed,
      });
      const note = { ...anonymousNote(own, call), ...deletedNote(asker.session) };
      const asked = { event_id: event.id, channel: event.channel, correlation_id, ...note };
      if (resolved.warning !== undefined)
        return { ...asked, answered: false, error: `No session can answer yet. ${resolved.warning}` };
      const reach = await reachOfMail(bus, resolved, own);
      for await (const [answer] of answers) {
        if (answer === undefined) continue;
        // Shown here, so that the asker's hooks need not hand it over.
        await bus.store.mail.see(own, [answer.id], []);
        return { ...asked, answered: true, answer: eventFor(call, answer) };
      }
      const silence = unanswered(args.wait_seconds, reach, correlation_id);
      return { ...asked, answered: false, ...(reach !== undefined && { reach }), ...silence };
    } finally {
      answers.close();
    }
  },
  print(result, to) {
    const answer = result.answer as Event;
    to.line(to.dim(`#${to.text(answer.id)} from ${to.text(answer.session_id)}`));
    to.block(answer.payload, "");
  },
});

function unanswered(seconds: number, reach: Reach | undefined, correlation_id: string): Json {
  const who = reach === undefined ? "" : ` Reach: ${reachWords(reach)}.`;
  return {
    error: `No answer within ${seconds} s.${who} The question stays open.`,
    hint: `To keep waiting, call get_events with correlation_id "${correlation_id}" and wait_seconds.`,
  };
}

function secondsOf(flag: string | boolean | undefined): number | undefined {
  if (flag === undefined) return undefined;
  const seconds = /^(\d+)s?$/.exec(String(flag))?.[1];
  const ms = seconds === undefined ? durationOf(String(flag)) : Number(seconds) * 1000;
  if (ms === null) throw new UsageError(`--timeout takes a time like 30s or 5m, not "${flag}".`);
  return Math.ceil(ms / 1000);
}
