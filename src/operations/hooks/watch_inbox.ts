import { pushTo } from "../../domain/inbox.ts";
import { operation } from "../operation.ts";
import { hasNews } from "./offer.ts";
import { HOOK_SESSION, hookSession, UNKNOWN } from "./session.ts";

/** A prompt takes all that a tool use takes, and more. */
const HOOKS = ["prompt", "tool"] as const;

/** The pushes that a hook takes. */
const PUSHES = { prompt: ["wake", "hand_over", "digest"], tool: ["wake", "hand_over"] };

/** A mod whose call waits so need not ask at each hook: as long as there is no answer, there is nothing to take. */
export const watchInbox = operation({
  name: "watch_inbox",
  about: "Wait until a session's next hook has something to take, and take nothing.",
  effect: "writes",
  listed: false,
  params: {
    ...HOOK_SESSION,
    hook: { type: "text", max: 8, choices: HOOKS, about: "Hook that would take it" },
    wait_seconds: { type: "integer", default: 0, min: 0, max: 3_600, about: "Wait up to N seconds" },
  },
  async run(bus, args, call) {
    const session = await hookSession(bus, args);
    if (session === undefined) return UNKNOWN;
    const { session_id } = session;
    const takes = (hook: keyof typeof PUSHES) => hasNews(bus, session_id, hook);
    const pushes = PUSHES[args.hook];
    const seconds = Math.min(args.wait_seconds, bus.limits.wait_seconds);
    const news = bus.subscriptions.subscribe(
      (event) => pushes.includes(pushTo(bus, session, event)),
      undefined,
      { call, seconds },
    );
    for await (const _ of news) {
      if (await takes("tool")) return { session_id, hook: "tool" };
      if (args.hook === "prompt" && (await takes("prompt"))) return { session_id, hook: "prompt" };
    }
    return { session_id, stops: news.over };
  },
});
