import { DIALOG_KINDS, type Dialog } from "../../domain/dialogs.ts";
import { visibleLine } from "../../lib/escape.ts";
import { operation } from "../operation.ts";
import { dialogWait, HOOK_SESSION, hookSession, UNKNOWN } from "./session.ts";

const MOST_TEXT = 120;

/** The dialog counts as open while its call waits. */
export const reportDialog = operation({
  name: "report_dialog",
  about: "Say that a session stands at a dialog, as long as this call waits.",
  effect: "writes",
  listed: false,
  params: {
    ...HOOK_SESSION,
    kind: { type: "text", max: 16, choices: DIALOG_KINDS, about: "What the user is asked for" },
    text: { type: "text", max: 1_024, about: "What it is about, in one line" },
    open_ms: { type: "integer", min: 0, max: Number.MAX_SAFE_INTEGER, about: "Age of the dialog" },
    certain: { type: "boolean", default: false, about: "The hook sees when the dialog ends" },
    unless_known: { type: "boolean", default: false, about: "Only if no dialog of the session is known" },
    wait_seconds: { type: "integer", min: 0, max: 3_600, about: "How long to wait" },
  },
  async run(bus, args, call) {
    const session = await hookSession(bus, args);
    if (session === undefined) return UNKNOWN;
    const { session_id } = session;
    if (args.unless_known && bus.dialogs.of(session_id) !== undefined) return { session_id, known: true };
    const dialog: Dialog = {
      kind: args.kind,
      text: visibleLine(args.text, MOST_TEXT),
      since: bus.now() - args.open_ms,
      certain: args.certain,
    };
    const seconds = Math.min(args.wait_seconds, bus.limits.wait_seconds);
    const wait = { call, seconds, sessionId: dialogWait(session_id) };
    const news = bus.subscriptions.subscribe(() => false, undefined, wait);
    bus.dialogs.open(session_id, dialog);
    let stands = false;
    try {
      for await (const _ of news);
    } finally {
      stands = bus.dialogs.close(session_id, dialog);
    }
    return { session_id, over: !stands, stops: news.over };
  },
});
