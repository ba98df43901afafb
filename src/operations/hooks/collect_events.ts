import { here } from "../../domain/context.ts";
import { PATHS } from "../../domain/direct_message.ts";
import { rungOf } from "../../domain/rung.ts";
import { firstWords, MOST_WORDS } from "../../lib/first_words.ts";
import { operation } from "../operation.ts";
import { hold, leave } from "./hold.ts";
import { nothingFor, offer } from "./offer.ts";
import {
  endDialogs,
  HOOK_SESSION,
  hookSession,
  noteWork,
  report,
  statedMachine,
  UNKNOWN,
} from "./session.ts";
import { renameTo, takeWoken, toldOf } from "./user_line.ts";

export const collectEvents = operation({
  name: "collect_events",
  about: "Take a session's unread events to hand them over. confirm_events then confirms them.",
  effect: "writes",
  listed: false,
  params: {
    ...HOOK_SESSION,
    path: { type: "text", max: 8, choices: PATHS, about: "Hook that asks" },
    limit: {
      type: "integer",
      default: 20,
      min: 0,
      max: 100,
      about: "Maximum number of events. 0: only tell what the hook knows",
    },
    title: {
      type: "text",
      optional: true,
      min: 1,
      max: "name_bytes",
      about: "Name that the user gave it",
    },
    digests: { type: "boolean", default: false, about: "The hook shows a digest" },
    automatic: { type: "boolean", default: false, about: "The client prompted itself, as when it is woken" },
    bus_tool: { type: "boolean", default: false, about: "The tool belongs to the bus" },
    wait_seconds: {
      type: "integer",
      optional: true,
      min: 0,
      max: 3_600,
      about: "Wait up to N seconds for one",
    },
    last_words: {
      type: "text",
      optional: true,
      max: MOST_WORDS * 4,
      about: "Start of the agent's last answer",
    },
    stays: {
      type: "boolean",
      default: false,
      about: "The waiter takes the session over from a mod that holds no call",
    },
    running_ms: {
      type: "integer",
      min: 0,
      max: Number.MAX_SAFE_INTEGER,
      optional: true,
      about: "Age of the waiter (ms)",
    },
  },
  async run(bus, args, call) {
    const session = await hookSession(bus, args);
    if (session === undefined) return UNKNOWN;
    const seconds = Math.min(args.wait_seconds ?? 0, bus.limits.wait_seconds);
    const waits = args.path === "wake";
    if (!waits) {
      bus.subscriptions.dismiss(session.session_id);
      endDialogs(bus, session);
    }
    const since = performance.now() - (args.running_ms ?? 0);
    if (waits && since < (bus.atWork.get(session.session_id) ?? Number.NEGATIVE_INFINITY))
      return leave(session);
    if (args.path === "prompt" || args.path === "tool") noteWork(bus, session, args.path === "prompt");
    const takes = args.limit > 0;
    const woken = waits || !takes ? undefined : takeWoken(bus, session);
    // Its model has yet to be called with what it was woken by.
    const isAwaking = args.path === "prompt" && args.automatic;
    const works = (args.path === "prompt" && !args.automatic) || (args.path === "tool" && !args.bus_tool);
    const lastWords = args.last_words && firstWords(args.last_words);
    const told = {
      branch: args.branch,
      machine: waits ? undefined : statedMachine(bus, args),
      works,
      lastWords,
      readMsAgo: waits ? args.running_ms : isAwaking ? undefined : 0,
    };
    report(bus, session, waits || args.path === "stop" ? "idle" : "busy", told);
    if (waits && !args.mod && rungOf(session, here(bus)) === "mod") {
      const isHeld = bus.subscriptions.has(session.session_id);
      if (isHeld || !args.stays) return leave(session, !isHeld);
      await bus.store.sessions.carry(session.session_id, 0);
    }
    if (waits) return hold(bus, session, { call, seconds }, args.limit);
    if (!takes) return nothingFor(session);
    const changed = await renameTo(bus, session, args.title);
    return { ...(await offer(bus, session, args)), ...changed, ...(await toldOf(bus, await woken)) };
  },
});
