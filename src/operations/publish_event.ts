import { reachWords } from "../domain/reach.ts";
import type { Command } from "../lib/command.ts";
import type { Json } from "../lib/json.ts";
import { lazily } from "../lib/lazily.ts";
import { SESSIONS } from "../lib/param.ts";
import { operation } from "./operation.ts";
import { channelOf, withPayload } from "./params.ts";
import { params } from "./publish_params.ts";

/** How long `--track` waits for a message to be seen. */
const TRACK_SECONDS = 10;

/** The type of what `send` publishes. */
const MESSAGE = "message";

const TRACKED: Pick<Command, "flags" | "after" | "timeoutMs"> = {
  flags: { track: { about: "Wait up to 10 s and show whether it was seen", boolean: true } },
  async after(answer, { args, flags, here, call }) {
    const to = String(args.channel ?? "all").replace(/^session:/, "");
    const result = here.words ? { ...answer, to } : answer;
    if (flags.track !== true) return result;
    // A recipient that is gone will not see it soon.
    const wait_seconds = answer.reach === undefined ? 0 : TRACK_SECONDS;
    const asked = { event_id: answer.event_id, wait_seconds };
    // The event is published even if this call is refused, as it is for a publish-only token.
    const { deliveries = [] } = await call("get_delivery", asked).catch((error: Error) => ({
      deliveries: [],
      problem: error.message,
    }));
    return { ...result, deliveries };
  },
  timeoutMs: ({ wait_seconds }) => 10_000 + Number(wait_seconds ?? 0) * 1000,
};

/** Loaded at the first call, so that commands do without it. */
const run = lazily(async () => (await import("./run_publish_event.ts")).runPublishEvent);

export const publishEvent = operation({
  name: "publish_event",
  about: "Publish an event.",
  effect: "writes",
  scope: "publish",
  appends: true,
  params,
  commands: [
    {
      name: "publish",
      defaults: { event_type: "note" },
      words: [{ param: "payload", placeholder: "TEXT", rest: true, orFlag: true }],
      examples: [
        ['publish "Deployed v2"', "tell all sessions"],
        [
          'publish --type "done" --payload "Finished" --channel "repo:my-project"',
          "tell the sessions of one repository",
        ],
        ["git diff --stat | agent-event-bus publish --type diff -", "read the text from stdin"],
      ],
      ...TRACKED,
      before: (args, _flags, here) => withPayload(args, here),
    },
    {
      name: "send",
      about: "Send a message to a session, to you or to a repository.",
      defaults: { event_type: MESSAGE },
      words: [
        { param: "channel", placeholder: "TO", required: true, offers: [SESSIONS, "@human", "all"] },
        { param: "payload", placeholder: "TEXT", rest: true, orFlag: true },
      ],
      examples: [
        ['send api "Tokens now expire after 1 h"', "the session with that name"],
        ['send @human "The release is ready"', "you"],
        ['send repo:web "Rebase before you push"', "every session of a repository"],
        ["git diff | agent-event-bus send api -", "read the text from stdin"],
      ],
      ...TRACKED,
      before({ channel, ...args }, _flags, here) {
        return withPayload(
          channel === undefined ? args : { ...args, channel: channelOf(`${channel}`) },
          here,
        );
      },
    },
  ],
  run,
  print(result, to) {
    const deliveries = (result.deliveries ?? []) as Json[];
    const reach = result.reach === undefined ? "" : ` (${to.text(reachWords(result.reach))})`;
    const what = result.event_type === MESSAGE ? ["Sent"] : ["Published", to.text(result.event_type)];
    to.prose(
      `${what.join(" ")} ${to.bold(`#${to.text(result.event_id)}`)} to ${to.text(result.to ?? result.channel)}${reach}`,
    );
    for (const one of deliveries)
      to.line(
        `  ${to.text(one.name ?? one.recipient)}: ${to.text(one.state)}, ${to.text(reachWords(one.reach))}`,
      );
  },
});
